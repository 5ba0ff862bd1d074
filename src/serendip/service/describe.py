"""Say what items and users are like, and take items out: what is written takes effect in the next answer."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from serendip.data.ids import as_text
from serendip.errors import NotFound
from serendip.store.describe import About, Entry, Put
from serendip.store.index import KEY, Side
from serendip.store.store import Store


class Delete(NamedTuple):
    """An item to take out of the catalogue."""

    id: str


def items(store: Store, entries: Sequence[Entry | Delete]) -> list[Put]:
    """Make, change or delete items in the order given, each with its own status."""
    done: list[Put] = []
    for deleting, part in groupby(entries, lambda one: isinstance(one, Delete)):
        if deleting:
            done += store.delete_items([one.id for one in part])
        else:
            done += store.describe("items", [one for one in part if isinstance(one, Entry)])
    return done


def delete_items(store: Store, item_ids: Sequence[str]) -> list[Put]:
    """Take items out of the catalogue, each with its own status."""
    return store.delete_items(item_ids)


def about(store: Store, side: Side, id_: str) -> About:
    """Return what is said of an item or a user.

    Raises:
        NotFound: there is none of that id.
    """
    found = store.about(side, as_text(id_))
    if found is None:
        raise NotFound(f"no {KEY[side][:4]} has the id {id_!r}")
    return found
