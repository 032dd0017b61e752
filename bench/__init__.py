"""Benchmarks: one command each (`make bench NAME=append`), JSON lines out. The product must not import them."""
