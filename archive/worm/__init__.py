"""Stores that files are written to once: a folder, or S3 with Object Lock.

It must not know what is in the files. Danger: what S3 locks in COMPLIANCE mode nobody can remove before its time.
"""
