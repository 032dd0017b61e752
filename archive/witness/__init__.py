"""Witnesses: somebody elsewhere who signs each checkpoint that extends the last one they saw, and nothing else.

Both sides of C2SP tlog-witness: `asking` is ours, `keeper` and `server` are run by an auditor or a parent company. The
two sides share no state. Danger: a witness that forgets what it signed can be made to sign a rewritten record, so its
key and its memory are made together and are worth nothing apart.
"""
