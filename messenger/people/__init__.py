"""People: employees, roles and capabilities, sessions, invitations, outside contacts. Knows nothing of what is said."""
