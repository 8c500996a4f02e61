"""What carries a command out: batches, a pipe, a hot folder, and the service they work with."""
