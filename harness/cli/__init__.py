"""Turns argv and the environment into settings, runs a command, returns the exit code."""
