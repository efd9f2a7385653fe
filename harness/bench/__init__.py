"""Times cases, and compares the times of two releases, chips or sets of flags."""
