"""Fills a store with an invented firm and its talk, for measuring: all through the record, and repeatable by a seed.

Must never run where real people talk: what is in a record stays there.
"""
