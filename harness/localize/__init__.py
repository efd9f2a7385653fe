"""Names the operation that two sides compute differently, and finds the smallest program that shows it."""
