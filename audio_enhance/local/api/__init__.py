"""The API as the local service speaks it."""
