"""The messenger: project package and chat domain, in rooms named after nouns."""
