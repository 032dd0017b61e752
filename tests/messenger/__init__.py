"""Tests of the messenger, by room."""
