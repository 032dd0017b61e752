"""What happens when things break: kills, lost connections, damaged files."""
