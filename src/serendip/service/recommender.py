"""A project's model at work: slates, similar items, explanations and fresh events, for the command line and HTTP."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from serendip.arrays import I32
from serendip.data.queries import History, ItemLists, Queries, no_history, offsets
from serendip.data.readers.columns import event_type
from serendip.errors import NotFound, UserError
from serendip.models.contract import Explains, Model, Similar
from serendip.pipeline.pipeline import STAGES, Pipeline
from serendip.service.answer import Because, Event, Explanation, Found, Recommended, SimilarItems, Slate
from serendip.service.reasons import reasons
from serendip.store.attributes import as_kind
from serendip.store.events import MAX_TYPES
from serendip.store.store import Store

SHOWN = 50  # events of a history that an answer carries


@dataclass
class Recommender:
    """A store and a published model. Methods may be called from many threads."""

    store: Store
    version: str
    pipeline: Pipeline
    alike: Model
    titles: list[str] = field(default_factory=list)

    def history_of(self, user: int) -> History:
        """Return a user's events as they stand in the store now; none for an unknown user."""
        return self.store.history(user) if user >= 0 else no_history(1)

    def slate(self, user_id: str, k: int, *, with_history: bool = False) -> Slate:
        """Return a user's slate; an unknown user gets what a newcomer does."""
        began = time.perf_counter()
        user = self.store.find_user(user_id)
        history = self.history_of(user)
        read = time.perf_counter()
        queries = Queries(np.array([user], np.int32), history)
        answer = self.answer(queries, k, user_id=user_id, known=user >= 0)
        answer.timings_ms["history"] = round((read - began) * 1e3, 3)
        if with_history:
            answer.history = self.events(history)
        return answer

    def slate_for(self, history: Sequence[Event], k: int, exclude: Sequence[str] = ()) -> Slate:
        """Return a slate for whoever brings these events; items that nobody knows are passed over."""
        known = self.store.items()
        item = np.array([known.get(event.item_id) for event in history], np.int32)
        there = item >= 0
        kinds = [event_type(event.type) for event in history]
        names = tuple(dict.fromkeys(kinds))
        if len(names) > MAX_TYPES:
            raise UserError(f"a history has at most {MAX_TYPES} types of events, not {len(names)}")
        value = np.array([np.nan if event.value is None else event.value for event in history], np.float32)
        kind = np.array([names.index(kind) for kind in kinds], np.int8)
        stamp = np.array([event.timestamp or 0 for event in history], np.int64)
        brought = History(offsets(np.array([there.sum()])), item[there], value[there], kind[there], stamp[there], names)
        queries = Queries(np.array([-1], np.int32), brought)
        out = np.array([known.get(item_id) for item_id in exclude], np.int32)
        return self.answer(queries, k, known=bool(there.any()), exclude=out[out >= 0])

    def answer(
        self, queries: Queries, k: int, *, user_id: str | None = None, known: bool = True, exclude: I32 | None = None
    ) -> Slate:
        """Return the slate of one query."""
        began = time.perf_counter()
        left_out = queries.history.item if exclude is None else np.concatenate([queries.history.item, exclude])
        left_out = left_out[left_out < self.pipeline.model.n_items]
        slates, stage = self.pipeline.traced(
            queries, k, exclude=ItemLists(offsets(np.array([len(left_out)])), left_out)
        )
        ranked = time.perf_counter()
        there = slates.item[0] >= 0
        item, score, source = slates.item[0][there], slates.score[0][there], stage[0][there]
        said = self.reasons(queries, item, source)
        done = time.perf_counter()
        ids = self.store.items()
        items = [
            Recommended(ids[int(i)], self.title(int(i)), float(s), why, STAGES[int(which)])
            for i, s, why, which in zip(item, score, said, source, strict=True)
        ]
        timings = {"rank": round((ranked - began) * 1e3, 3), "reasons": round((done - ranked) * 1e3, 3)}
        return Slate(items, self.version, "default", uuid.uuid4().hex, user_id, known, None, [], timings)

    def reasons(self, queries: Queries, item: I32, source: "np.ndarray[tuple[int], np.dtype[np.int8]]") -> list[str]:
        """Return why each item of a slate of one query stands there."""
        said = [""] * len(item)
        for which, model in ((0, self.pipeline.model), (1, self.pipeline.fallback)):
            at = np.flatnonzero(source == which)
            if model is None or not len(at):
                continue
            for place, text in zip(
                at, reasons(model, queries, item[at], np.zeros(len(at), np.int64), self.titles), strict=True
            ):
                said[place] = text
        return said

    def similar(self, item_id: str, k: int) -> SimilarItems:
        """Return the items most like one.

        Raises:
            NotFound: there is no such item.
        """
        item = self.find_item(item_id)
        model, ids = self.alike, self.store.items()
        items: list[Recommended] = []
        if isinstance(model, Similar) and item < self.pipeline.model.n_items:
            got = model.similar(np.array([item], np.int32), k)
            items = [Recommended(ids[int(i)], self.title(int(i)), float(s))
                     for i, s in zip(got.item[0], got.score[0], strict=True) if i >= 0]  # fmt: skip
        return SimilarItems(item_id, self.title(item), items, self.version, uuid.uuid4().hex)

    def explain(self, user_id: str, item_id: str) -> Explanation:
        """Return where the score of an item for a user comes from.

        Raises:
            NotFound: there is no such user or item.
        """
        user, item = self.store.find_user(user_id), self.find_item(item_id)
        if user < 0:
            raise NotFound(f"no user has the id {user_id!r}, so there is nothing to explain")
        queries = Queries(np.array([user], np.int32), self.history_of(user))
        asked = np.array([item], np.int32)
        model: Model = self.pipeline.model
        score = model.score(queries, asked[:, None])[0, 0] if item < model.n_items else np.float32(np.nan)
        if np.isnan(score) and self.pipeline.fallback is not None and item < model.n_items:
            model = self.pipeline.fallback
            score = model.score(queries, asked[:, None])[0, 0]
        if np.isnan(score) or not isinstance(model, Explains):
            return Explanation(user_id, item_id, self.title(item), None if np.isnan(score) else float(score), [],
                               self.version, "the model knows nothing of this item")  # fmt: skip
        parts = model.explain(queries, asked)
        order = np.argsort(-np.abs(parts.weight), kind="stable")
        ids = self.store.items()
        because = [
            Because(float(parts.weight[p]), parts.reasons[parts.reason[p]],
                    ids[int(parts.item[p])] if parts.item[p] >= 0 else None,
                    self.title(int(parts.item[p])) if parts.item[p] >= 0 else None)
            for p in order
        ]  # fmt: skip
        why = reasons(model, queries, asked, np.zeros(1, np.int64), self.titles)[0]
        return Explanation(user_id, item_id, self.title(item), float(score), because, self.version, why)

    def find_item(self, item_id: str) -> int:
        """Return the index of an item; raises NotFound where there is none of that id."""
        return self.store.items().find(item_id, "item")

    def title(self, item: int) -> str:
        """Return the title of an item, its id where it has none."""
        if item >= len(self.titles):
            self.titles = titles(self.store)
        return self.titles[item] if item < len(self.titles) else "?"

    def events(self, history: History) -> list[Event]:
        """Return the last events of one history, the latest first."""
        last = range(len(history.item) - 1, max(len(history.item) - SHOWN, 0) - 1, -1)
        ids = self.store.items()
        return [
            Event(
                ids[int(history.item[e])],
                self.title(int(history.item[e])),
                history.types[history.type[e]] if history.type is not None and history.types else "interaction",
                None if history.value is None or np.isnan(history.value[e]) else float(history.value[e]),
                None if history.timestamp is None else int(history.timestamp[e]),
            )
            for e in last
        ]

    def search_items(self, text: str, k: int = 20) -> list[Found]:
        """Return items whose id begins with a text or whose title holds its words."""
        return [Found(one.id, self.title(one.index)) for one in self.store.search_items(text, k)]

    def search_users(self, text: str, k: int = 20) -> list[Found]:
        """Return users whose id begins with a text."""
        return [Found(one.id, "") for one in self.store.search_users(text, k)]


TITLES = ("title", "name", "product_name", "description", "item_name")


def title_column(columns: Sequence[str]) -> str | None:
    """Return which attribute of items is their title."""
    return next((name for name in TITLES if name in columns), None)


def titles(store: Store) -> list[str]:
    """Return the title of each item by its index, its id where it has none."""
    ids = store.items().series
    frame = store.item_features()
    column = None if frame is None else title_column(frame.columns)
    if frame is None or column is None:
        return ids.to_list()
    named = as_kind(frame[column], "text").head(len(ids))
    return [t or i for t, i in zip(named.to_list() + [None] * (len(ids) - len(named)), ids.to_list(), strict=True)]
