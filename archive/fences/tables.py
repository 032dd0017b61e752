"""The tables that are fenced, by name. A test holds the list against the triggers that are there."""

# Insert-only: nobody changes, deletes or empties these.
FENCED = (
    "archive_leaf",
    "archive_entry",
    "archive_checkpoint",
    "archive_tile",
    "archive_witnessed",
    "archive_stamped",
    "archive_mailed",
)
# Rows of these go when content is disposed of, and at no other time.
PURGED = ("archive_recordkey", "archive_document")
# Rows of other rooms that PostgreSQL refuses without their entry.
ROWS_WITH_ENTRIES = ("messenger_message", "messenger_streamevent")
