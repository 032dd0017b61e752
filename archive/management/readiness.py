"""What a command of the record says where the database has no tables yet, or is away.

It must not hide anything else: faults of the record have sentences of their own.
"""

from django.db import OperationalError, ProgrammingError

UNPREPARED = (OperationalError, ProgrammingError)
NOT_READY = "The database cannot be used ({error}). Has `manage.py migrate` been run, and is DATABASE_URL right?"
