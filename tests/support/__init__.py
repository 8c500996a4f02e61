"""What several test modules share: clocks, raw sockets, counts of what is open."""
