"""The tables of the record, its fences and its search index."""
