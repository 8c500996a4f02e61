"""The circumstances of the local service: its behaviour, clock, faults and records."""
