"""Reduces a case to the smallest program that fails as it does on one side, and not on the other."""
