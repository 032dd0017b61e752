"""Spaces: who belongs together (rosters, memberships) and what a space is called. Knows nothing of what is said."""
