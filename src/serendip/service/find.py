"""Find users and items by the beginning of an id or by words."""

from serendip.service.answer import Found
from serendip.service.live import Live


def find_items(live: Live, text: str, k: int = 20) -> list[Found]:
    """Return items whose id begins with a text or whose title holds its words."""
    return [Found(one.id, live.catalogue.title(one.index)) for one in live.store.search_items(text, k)]


def find_users(live: Live, text: str, k: int = 20) -> list[Found]:
    """Return users whose id begins with a text."""
    return [Found(one.id, "") for one in live.store.search_users(text, k)]
