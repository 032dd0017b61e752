"""What leaves the record for everybody to see: signed checkpoints, hashes and leaves, and what comes back from there.

Leaves tell kinds, times and sizes but no words, names or numbers: content stays sealed. It must not read a content key.
"""

from archive.publish.comparing import Contradicted, require_contained
from archive.publish.writing import Published, PublishFailed, publish

__all__ = ["Contradicted", "PublishFailed", "Published", "publish", "require_contained"]
