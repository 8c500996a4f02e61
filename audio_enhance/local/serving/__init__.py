"""What the local service stands on: ports, connections, threads and a temporary folder."""
