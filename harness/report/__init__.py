"""Renderers: each takes a `Report` and returns text; none reads or writes anything."""
