"""The one migrations folder of all rooms."""
