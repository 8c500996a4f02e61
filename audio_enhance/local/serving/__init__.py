"""How the local service listens, and what it does with connections and threads."""
