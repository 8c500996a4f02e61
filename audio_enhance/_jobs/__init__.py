"""The work: from a source to an outcome, one job or ten thousand."""
