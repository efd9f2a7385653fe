"""Programs of importers' environments. They see the packages of their environment and each other, never the harness."""
