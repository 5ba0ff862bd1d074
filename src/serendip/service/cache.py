"""Slates that were made before, for who asks again: in this process, and beside it what all processes share."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import NamedTuple, Protocol

from serendip.service.answer import Slate
from serendip.service.counters import CACHE

HIT, MISS = CACHE.labels("hit"), CACHE.labels("miss")
LATELY = 10_000  # users of whom it is known when they were last forgotten


class Shared(Protocol):
    """What all processes share: never needed, and never waited for."""

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept under a key, None where nothing is or it cannot be asked."""
        ...

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value, sooner or later or not at all."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class Kept(NamedTuple):
    """A slate, and until when it may be shown (seconds, monotonic)."""

    slate: Slate
    until: float


class Cache:
    """The slates of users by what was asked, the least recently used forgotten first. Any thread may use it.

    What makes a slate stale makes it forgotten: `forget` for what a user did or is, `clear` for what concerns all. A
    slate that was begun before that is not kept: `clock` is read first and given to `put`.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.seconds, self.time = most, seconds, clock
        self.hits = self.misses = 0
        self.clock = 0
        self._slates: OrderedDict[tuple[str, Hashable], Kept] = OrderedDict()
        self._of_user: dict[str, set[Hashable]] = {}
        self._forgotten: OrderedDict[str, int] = OrderedDict()
        self._all_forgotten = 0

    def __len__(self) -> int:
        return len(self._slates)

    def get(self, user_id: str, asked: Hashable) -> Slate | None:
        """Return the slate that answered the same question, None where there is none or it is too old."""
        kept = self._slates.get((user_id, asked))
        if kept is None or kept.until < self.time():
            self.misses += 1
            MISS.inc()
            return None
        try:
            self._slates.move_to_end((user_id, asked))
        except KeyError:  # forgotten this very moment
            return None
        self.hits += 1
        HIT.inc()
        return kept.slate

    def put(self, user_id: str, asked: Hashable, slate: Slate, clock: int) -> None:
        """Keep a slate that was begun at `clock`, unless something has made it stale meanwhile."""
        if not self.most or self._all_forgotten > clock or self._forgotten.get(user_id, 0) > clock:
            return
        self._slates[user_id, asked] = Kept(slate, self.time() + self.seconds)
        self._of_user.setdefault(user_id, set()).add(asked)
        while len(self._slates) > self.most:
            try:
                (old, question), _ = self._slates.popitem(last=False)
            except KeyError:
                return
            left = self._of_user.get(old)
            if left is not None:
                left.discard(question)
                if not left:
                    self._of_user.pop(old, None)

    def forget(self, user_id: str) -> None:
        """Forget a user's slates."""
        self.clock += 1
        self._forgotten[user_id] = self.clock
        self._forgotten.move_to_end(user_id)
        if len(self._forgotten) > LATELY:
            _, at = self._forgotten.popitem(last=False)
            self._all_forgotten = max(self._all_forgotten, at)
        for asked in tuple(self._of_user.pop(user_id, ())):
            self._slates.pop((user_id, asked), None)

    def clear(self) -> None:
        """Forget all slates."""
        self.clock += 1
        self._all_forgotten = self.clock
        self._slates.clear()
        self._of_user.clear()
