"""Tests of the wake-ups and the hub."""
