"""Tests many releases: bisect and matrix."""
