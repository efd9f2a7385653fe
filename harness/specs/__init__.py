"""Reads spec files into ModelSpec and reports every violation with its line."""
