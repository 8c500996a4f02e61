"""What async web backends need beside the client; nothing here is imported unless asked for."""
