"""The post box of a process: posts that wait are handed to the record's writer together, as one action.

A set is whatever came while the one before was being committed; there is no timer, and a lone post waits for nobody.
Conversations take turns, within one the order stays. Where a set fails as a whole, each of its posts is tried once more
alone, so only the guilty one is told of a failure. It must not judge a post; posting does.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import structlog

from archive import ledger
from archive.measures import POWERS, SECONDS, Histogram
from messenger.conversations.posting import Answer, Wish, write_posts

WAITING = 1000  # posts that may wait; whoever comes then is told to ask again
TOGETHER = 128  # posts of one set

SETS = Histogram("onrecord_posts_together", "Posts that were written together.", bounds=POWERS)
WAIT = Histogram("onrecord_post_wait_seconds", "How long a post waited to be written.", bounds=SECONDS)
HISTOGRAMS = (SETS, WAIT)

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Post:
    """A wish, and where its answer is waited for."""

    wish: Wish
    answer: "Future[Answer]" = field(default_factory=Future)
    came_at: float = field(default_factory=time.monotonic)

    def claim(self) -> bool:
        """Take the post on unless whoever waited has gone, and say whether; from now on they cannot go away."""
        return self.answer.set_running_or_notify_cancel()


class PostBox:
    """The posts that wait, and the thread that hands them over; it starts with the first one."""

    def __init__(self, *, limit: int = WAITING) -> None:
        self._bell = threading.Condition()
        self._waiting: ledger.FairQueue[Post] = ledger.FairQueue(limit=limit)
        self._thread: threading.Thread | None = None

    def put(self, wish: Wish) -> "Future[Answer]":
        """Take a wish and return at once. Raises TooBusy, here or from the future, as the writer's actions do."""
        post = Post(wish)
        with self._bell:
            try:
                self._waiting.put(post, lane=wish.conversation_id)
            except ledger.QueueFull as error:
                raise ledger.TooBusy("As many posts wait already as may.") from error
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, name="post-box", daemon=True)
                self._thread.start()
            self._bell.notify()
        return post.answer

    def _serve(self) -> None:
        while True:
            with self._bell:
                self._bell.wait_for(lambda: len(self._waiting))
            posts: list[Post] = []
            try:
                self._hand_over(posts)
            except Exception as error:
                log.exception("posts_failed")  # a fault of ours: the thread lives on, and nobody waits for ever
                _fail(posts or self._take(), error)

    def _hand_over(self, posts: list[Post]) -> None:
        """Have the writer write a set; `posts` holds it as soon as it is taken out."""
        try:
            answers = _write_set(posts, take=self._take)
        except (ledger.TooBusy, ledger.OutcomeUnknown) as error:
            _fail(posts or self._take(), error)
        except Exception as error:  # noqa: BLE001  # whoever is guilty hears of it
            if len(posts) < 2:
                _fail(posts or self._take(), error)
            else:
                _part(posts, error)
        else:
            for post, answer in zip(posts, answers, strict=True):
                post.answer.set_result(answer)

    def _take(self) -> list[Post]:
        """Take out the posts whose turn it is; a set holds a bounded number."""
        posts: list[Post] = []
        with self._bell:
            while len(posts) < TOGETHER and (post := self._waiting.take()) is not None:
                if post.claim():
                    posts.append(post)
                    WAIT.observe(time.monotonic() - post.came_at)
        SETS.observe(len(posts))
        return posts


@ledger.action()
def _write_set(posts: list[Post], *, take: Callable[[], list[Post]]) -> list[Answer]:
    # Taken only here, under the record's lock: who came while others were being committed is in it. A second try of
    # the writer's finds the same set.
    if not posts:
        posts += take()
    return write_posts([post.wish for post in posts])


@ledger.action()
def write_alone(wish: Wish) -> Answer:
    """Write one post as an action of its own."""
    return write_posts([wish])[0]


def _part(posts: list[Post], error: Exception) -> None:
    log.warning("posts_parted", posts=len(posts), error=type(error).__name__)
    for post in posts:
        try:
            answer = write_alone(post.wish)
        except Exception as own:  # noqa: BLE001  # it belongs to the one who waits
            post.answer.set_exception(own)
        else:
            post.answer.set_result(answer)


def _fail(posts: list[Post], error: Exception) -> None:
    for post in posts:
        if not post.answer.done():
            post.answer.set_exception(error)


_box = PostBox()


def put(wish: Wish) -> "Future[Answer]":
    """Put a wish into the box of this process. Raises TooBusy."""
    return _box.put(wish)


def _start_anew() -> None:
    global _box  # a forked child has the object, but not its thread
    _box = PostBox()


os.register_at_fork(after_in_child=_start_anew)
