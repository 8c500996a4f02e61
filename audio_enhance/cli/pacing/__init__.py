"""How fast it goes, and how long it will take."""
