"""What this process's writer did, as distributions. Numbers only."""

from archive.measures import POWERS, SECONDS, Histogram

ACTIONS = Histogram("onrecord_commit_actions", "Actions that shared one commit.", bounds=POWERS)
COMMIT = Histogram(
    "onrecord_commit_seconds", "From the first action of a group to the end of its commit.", bounds=SECONDS
)
WAIT = Histogram("onrecord_writer_wait_seconds", "How long an action waited for the writer.", bounds=SECONDS)
HISTOGRAMS = (ACTIONS, COMMIT, WAIT)
