"""Downloads blobs, whole and verified."""
