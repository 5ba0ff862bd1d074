"""What was asked and answered last for each of the last users, for when the store or the model fails."""

from collections import OrderedDict
from dataclasses import replace
from typing import NamedTuple

from serendip.data.queries import Queries
from serendip.service.answer import Recommended

MOST = 4096  # users


class Last(NamedTuple):
    """A user's last question, history and all, and the items of the slate that answered it."""

    queries: Queries
    items: list[Recommended]


class Recent:
    """The last question and slate by user, the least recently used forgotten first."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._by_user: OrderedDict[str, Last] = OrderedDict()

    def put(self, user_id: str, last: Last) -> None:
        """Keep what was asked and answered, without what models have made of it."""
        asked = replace(last.queries, history=replace(last.queries.history))
        self._by_user[user_id] = last._replace(queries=asked)
        self._by_user.move_to_end(user_id)
        if len(self._by_user) > self.most:
            self._by_user.popitem(last=False)

    def forget(self, user_id: str) -> None:
        """Forget a user."""
        self._by_user.pop(user_id, None)

    def clear(self) -> None:
        """Forget all."""
        self._by_user.clear()

    def get(self, user_id: str) -> Last | None:
        """Return a user's last question and slate, None where there is none."""
        return self._by_user.get(user_id)
