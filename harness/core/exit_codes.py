"""The exit codes of commands, which reports contain too. docs/results.md explains them."""

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NO_VERDICT = 0, 1, 2, 3
EXIT_BUG, EXIT_INTERRUPTED, EXIT_TERMINATED = 70, 130, 143
