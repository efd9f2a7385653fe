"""The content-addressed cache, shared safely by many processes."""
