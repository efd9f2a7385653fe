"""What this machine offers: processes, locks, disk space and GPUs."""
