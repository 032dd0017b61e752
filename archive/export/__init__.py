"""Exports: parts of the record in packages that prove themselves to somebody who does not trust us.

Danger: a package shows sealed words to whoever holds it. What is opened is decided by its scope alone, and nothing is
made here without one; who may ask, approve and fetch is decided by the caller. Nothing here changes an entry.
"""
