"""Names the operation, dispatch or kernel that two sides compute differently."""
