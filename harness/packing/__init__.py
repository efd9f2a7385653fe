"""Packs a case, or all that a run needs, for another machine."""
