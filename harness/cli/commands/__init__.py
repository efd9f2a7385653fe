"""The commands: each module has `main`, which takes the command line and the environment and returns the exit code."""
