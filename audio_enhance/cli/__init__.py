"""The command line; it comes with the extra ``cli``."""
