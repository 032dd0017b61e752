"""Tests of the supervisor's desk, through its actions, its pages and its API."""
