"""Downloads blobs, whole and verified."""

import sys

# httpx tries to load its own command line, which loads much: with rich and pygments it takes as long as all the rest.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
