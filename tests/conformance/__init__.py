"""Vectors from outside: what others published and we must agree with."""
