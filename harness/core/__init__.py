"""Values, errors and text that every package shares; no I/O."""
