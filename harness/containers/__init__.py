"""Builds pinned images and does steps inside containers."""
