"""Kept ledgers: one folder a format version, made once by `make.py`, never made again: each must verify for ever."""
