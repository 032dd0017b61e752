"""Management commands of the messenger."""
