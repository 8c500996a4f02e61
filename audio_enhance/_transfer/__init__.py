"""Bytes on their way: to the object store, and from there to disk."""
