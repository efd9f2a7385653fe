"""How blobs come: hosts and what they send, the parts of a blob in the making, and how hard to try."""
