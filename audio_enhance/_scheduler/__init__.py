"""The decisions: who is next, when to ask, what was learned. Nothing in it waits."""
