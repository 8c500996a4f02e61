"""What was done so far, on disk."""
