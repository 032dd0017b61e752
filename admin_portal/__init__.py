"""The supervisor's desk: search, review, exports. Nobody imports it."""
