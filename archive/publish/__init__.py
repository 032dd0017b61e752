"""What leaves the record for everybody to see: signed checkpoints, hashes and leaves, and what comes back from there.

Leaves tell kinds, times and sizes but no words, names or numbers: content stays sealed. It must not read a content key.
"""

from archive.publish.comparing import Contradicted, require_contained

__all__ = ["Contradicted", "require_contained"]
