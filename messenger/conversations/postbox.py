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
from functools import partial

import structlog
from django.db import InterfaceError, OperationalError

from archive import ledger
from archive.measures import POWERS, SECONDS, Histogram
from messenger.conversations.posting import Answer, Wish, write_posts
from messenger.people.errors import Unavailable

WAITING = 1000  # posts that may wait; whoever comes then is told to ask again
TOGETHER = 128  # posts of one set
TOGETHER_CHARACTERS = 256 * 1024  # and what they say: the record is locked meanwhile
# What becomes of a set and is no post's own fault: parting it would only repeat it.
NOBODYS = (ledger.TooBusy, ledger.OutcomeUnknown, OperationalError, InterfaceError)

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
    """The posts that wait. One set at a time is with the record's writer, in whose thread it is also answered."""

    def __init__(self, *, limit: int = WAITING) -> None:
        self._guard = threading.Lock()
        self._waiting: ledger.FairQueue[Post] = ledger.FairQueue(limit=limit)
        self._is_under_way = False  # a set is with the writer, or is being parted

    def put(self, wish: Wish) -> "Future[Answer]":
        """Take a wish and return at once. Raises TooBusy, here or from the future, as the writer's actions do."""
        post = Post(wish)
        with self._guard:
            try:
                self._waiting.put(post, lane=wish.conversation_id)
            except ledger.QueueFull as error:
                raise ledger.TooBusy("As many posts wait already as may.") from error
            is_first, self._is_under_way = not self._is_under_way, True
        if is_first:
            self._hand_in()
        return post.answer

    def _hand_in(self) -> None:
        """Have the writer write who waits when the set's turn comes; `posts` holds them as soon as they are taken."""
        posts: list[Post] = []
        call = partial(_write_set, posts, take=self._take)
        try:
            ledger.hand_in(call, name="write_posts", lane="posts", then=partial(self._settle, posts))
        except Exception as error:  # noqa: BLE001  # too much waits, or no thread is to be had: nobody waits for ever
            _fail(self._take(), error)
            self._go_on()

    def _settle(self, posts: list[Post], outcome: Callable[[], list[Answer]]) -> None:
        """Answer the posts of a set, in the writer's thread: no other action may be waited for here."""
        try:
            answers = outcome()
            for post, answer in zip(posts, answers, strict=True):
                post.answer.set_result(answer)
        except BaseException as error:  # noqa: BLE001  # whoever is guilty hears of it
            if len(posts) > 1 and not isinstance(error, NOBODYS) and self._starts_to_part(posts, error):
                return
            _fail(posts or self._take(), error)
        self._go_on()

    def _starts_to_part(self, posts: list[Post], error: BaseException) -> bool:
        try:
            threading.Thread(target=self._part, args=(posts, error), name="post-box", daemon=True).start()
        except RuntimeError:  # no thread is to be had: then all of them hear of it
            log.exception("posts_not_parted")
            return False
        return True

    def _part(self, posts: list[Post], error: BaseException) -> None:
        """Try each post of a set alone. Who came later waits: within a conversation the order stays."""
        log.warning("posts_parted", posts=len(posts), error=type(error).__name__)
        try:
            for post in posts:
                try:
                    post.answer.set_result(write_alone(post.wish))
                except NOBODYS as broken:
                    _fail(posts, broken)  # the others would only wait for the same
                    break
                except Exception as own:  # noqa: BLE001  # it belongs to the one who waits
                    post.answer.set_exception(own)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        with self._guard:
            self._is_under_way = len(self._waiting) > 0
            is_next = self._is_under_way
        if is_next:
            self._hand_in()

    def _take(self) -> list[Post]:
        """Take out the posts whose turn it is; a set holds a bounded number."""
        posts: list[Post] = []
        characters = 0
        with self._guard:
            while _has_room(len(posts), characters) and (post := self._waiting.take()) is not None:
                if post.claim():
                    posts.append(post)
                    characters += len(post.wish.body)
                    WAIT.observe(time.monotonic() - post.came_at)
        SETS.observe(len(posts))
        return posts


def _has_room(posts: int, characters: int) -> bool:
    return posts < TOGETHER and characters < TOGETHER_CHARACTERS


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


def _fail(posts: list[Post], error: BaseException) -> None:
    if isinstance(error, OperationalError | InterfaceError):
        log.error("posts_failed", posts=len(posts), exc_info=error)
        error = Unavailable(None, "The database could not keep this just now. Try again in a moment.")
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
