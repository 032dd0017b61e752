"""Faults of delivery: clients under load, what they were told, and whether database and record agree with it."""
