"""The items as answers show them: ids and titles by index, as the store has them."""

from collections.abc import Sequence
from typing import NamedTuple

from serendip.data.ids import as_text
from serendip.errors import NotFound
from serendip.store.attributes import as_kind
from serendip.store.store import Store

TITLES = ("title", "name", "product_name", "description", "item_name")
NAMED = 3  # items that a sentence names where none has the id


class Shown(NamedTuple):
    """What is known of the items at one moment: id and title by index, and index by id."""

    ids: list[str]
    titles: list[str]
    by_id: dict[str, int]


class Catalogue:
    """Ids and titles by index; it grows with the store. Methods may be called from many threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.mark = store.mark()
        self._shown = read(store)

    @property
    def titles(self) -> list[str]:
        """The title of each item by its index, its id where it has none."""
        return self._shown.titles

    def refresh(self) -> None:
        """Read the items anew: what was taken from here before stays as it was."""
        self._shown = read(self.store)

    def renew(self, items: frozenset[int] | None) -> None:
        """Read some items anew, or all; the lists that were taken from here before grow and change with it."""
        ids, titles, by_id = self._shown
        new = frozenset() if items is None else frozenset(i for i in items if i >= len(ids))
        if items is None or (new and len(new) != max(new) - len(ids) + 1):
            self.refresh()
            return
        for one in self.store.about_items(sorted(items)):
            name = title_column([*one.attributes])
            title = str(one.attributes[name]) if name is not None and one.attributes[name] else one.id
            if one.index < len(ids):
                titles[one.index] = title
            else:
                ids.append(one.id)
                titles.append(title)
                by_id[one.id] = one.index

    def id(self, item: int) -> str:
        """Return the id of an item."""
        return self.shown(item).ids[item]

    def title(self, item: int) -> str:
        """Return the title of an item, its id where it has none."""
        return self.shown(item).titles[item]

    def shown(self, item: int) -> Shown:
        """Return ids and titles that hold those of an item."""
        if item >= len(self._shown.ids):
            self.refresh()
        return self._shown

    def get(self, item_id: str) -> int:
        """Return the index of an item, -1 where there is none of that id; what is known already is not asked for."""
        item_id = as_text(item_id)
        known = self._shown.by_id.get(item_id, -1)
        return known if known >= 0 else self.store.find_item(item_id)

    def find(self, item_id: str) -> int:
        """Return the index of an item.

        Raises:
            NotFound: there is none of that id; the sentence names those whose titles hold its words, else the nearest.
        """
        known = self.get(item_id)
        if known >= 0:
            return known
        try:
            return self.store.items().find(item_id, "item")
        except NotFound:
            named = [f"{one.id} ({self.title(one.index)})" for one in self.store.search_items(item_id, NAMED)]
            if not named:
                raise
            raise NotFound(f"no item has the id {item_id!r}; did you mean {' or '.join(named)}?") from None


def read(store: Store) -> Shown:
    """Return the ids and titles of all items."""
    series = store.items().series
    ids = series.to_list()
    frame = store.item_features()
    column = None if frame is None else title_column(frame.columns)
    by_id = {id_: i for i, id_ in enumerate(ids)}
    if frame is None or column is None:
        return Shown(ids, [*ids], by_id)
    named = as_kind(frame[column], "text").head(len(ids)).to_list()
    named += [None] * (len(ids) - len(named))
    return Shown(ids, [title or id_ for title, id_ in zip(named, ids, strict=True)], by_id)


def title_column(columns: Sequence[str]) -> str | None:
    """Return which attribute of items is their title."""
    return next((name for name in TITLES if name in columns), None)
