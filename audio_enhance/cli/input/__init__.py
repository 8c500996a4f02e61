"""What a command is given: options, recordings, and places for results."""
