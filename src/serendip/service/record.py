"""Record events as they happen: on disk before they are acknowledged, each once, many requests in one transaction."""

import json
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from serendip.data.ids import as_text
from serendip.data.readers.columns import event_type
from serendip.errors import Unavailable, UserError
from serendip.service.counters import QUEUE
from serendip.store.recording import UNDO, Fact, Outcome
from serendip.store.store import Store

DAY = 86_400_000  # milliseconds
BEGAN = time.time_ns() - time.monotonic_ns()  # by it and the time that only goes on, another clock
EARLIEST = 100_000_000_000  # ms: 1973; what is below was meant in seconds
AT_ONCE = 5_000  # events of one transaction, unless one request has more
MOST_WAITING = 20_000  # events; whoever comes then is asked to come again


class Busy(Unavailable):
    """More events wait to be written than are let wait."""


def record(store: Store, events: Sequence[Mapping[str, object]]) -> list[Outcome]:
    """Write events; return what became of each.

    An event has user_id and item_id; type, value, timestamp (ms; now where missing), event_id, context (an object) and
    impression_id may be there; an undo has `undoes`, an event_id, or `undoes_type`.

    Raises:
        Unavailable: the disk is full or the store is gone; none of them is written.
    """
    facts = [possible(event) for event in events]
    done = iter(store.record([fact for fact in facts if isinstance(fact, Fact)]))
    return [next(done) if isinstance(fact, Fact) else fact for fact in facts]


def possible(event: Mapping[str, object]) -> Fact | Outcome:
    """Return an event as it is recorded, or why it cannot be."""
    try:
        return fact_of(event, time.time_ns() // 1_000_000, latest())
    except UserError as error:
        return Outcome("invalid", str(error))


def latest() -> int:
    """Return the time in ms, by the later of two clocks: no event is ahead of one that was set back wrongly."""
    return max(time.time_ns(), BEGAN + time.monotonic_ns()) // 1_000_000


def fact_of(event: Mapping[str, object], now: int, latest: int) -> Fact:
    """Return an event as it is recorded. now: its time where it says none; latest: a day before what is too far ahead.

    Raises:
        UserError: an id is missing, the time is none of this world, the context is nested too deeply, or an undo does
            not say what it takes back.
    """
    ids = {name: "" if event.get(name) is None else as_text(event[name]) for name in ("user_id", "item_id")}
    for name, id_ in ids.items():
        if not id_:
            raise UserError(f"an event needs a {name}")
    stamp = event.get("timestamp")
    if stamp is not None and not (isinstance(stamp, int) and EARLIEST <= stamp <= latest + DAY):
        raise UserError(f"the timestamp {stamp} is not in milliseconds since 1970, or lies in the future")
    kind = event_type(str(event.get("type") or "interaction").strip())
    undoes, undone = (None if event.get(n) is None else str(event[n]) for n in ("undoes", "undoes_type"))
    if (kind == UNDO) != ((undoes is None) != (undone is None)):
        raise UserError("an event of type undo, and no other, has either `undoes` (an event_id) or `undoes_type`")
    try:
        context = None if event.get("context") is None else json.dumps(event["context"], ensure_ascii=False)
    except RecursionError:
        raise UserError("the context of an event is nested too deeply") from None
    value, event_id, impression = event.get("value"), event.get("event_id"), event.get("impression_id")
    return Fact(
        ids["user_id"],
        ids["item_id"],
        kind,
        None if value is None else float(str(value)),
        now if stamp is None else stamp,
        stamp is not None,
        None if event_id is None else str(event_id),
        context,
        None if impression is None else str(impression),
        undoes,
        None if undone is None else event_type(undone.strip()),
    )


Group = list[tuple[Sequence[Fact], "Future[list[Outcome]]"]]


class Recorder:
    """One thread of a process that writes what all requests bring: those that come while it writes are written next.

    Nothing waits for company: a lone event is written at once, and under load a transaction has as many as have come
    during the one before it.
    """

    def __init__(self, store: Store, most: int = MOST_WAITING) -> None:
        self.store, self.most = store, most
        self._came = threading.Condition()
        self._queue: deque[tuple[Sequence[Fact], Future[list[Outcome]]]] = deque()
        self._waiting = 0  # events
        self._stopping = False
        self._thread: threading.Thread | None = None

    def put(self, facts: Sequence[Fact]) -> "Future[list[Outcome]]":
        """Let events be written; the result, or why there is none, comes with the future.

        Raises:
            Busy: too many wait; none of these is written.
        """
        future: Future[list[Outcome]] = Future()
        with self._came:
            if self._stopping:
                raise Unavailable("the server stops: send this again to the next one")
            if self._waiting + len(facts) > self.most and self._waiting:
                raise Busy(f"{self._waiting:,} events wait to be written: send these again a little later")
            self._queue.append((facts, future))
            self._waiting += len(facts)
            QUEUE.set(self._waiting)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
                self._thread.start()
            self._came.notify()
        return future

    def stop(self) -> None:
        """Write what waits, then end."""
        with self._came:
            self._stopping = True
            self._came.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while group := self._next():
            self._write(group)
            with self._came:
                self._waiting -= sum(len(facts) for facts, _ in group)
                QUEUE.set(self._waiting)

    def _next(self) -> Group:
        with self._came:
            while not self._queue and not self._stopping:
                self._came.wait()
            group: Group = []
            n = 0
            while self._queue and (not group or n + len(self._queue[0][0]) <= AT_ONCE):
                group.append(self._queue.popleft())
                n += len(group[-1][0])
            return group

    def _write(self, group: Group) -> None:
        try:
            outcomes = self.store.record([fact for facts, _ in group for fact in facts])
        except Unavailable as error:
            for _, future in group:
                future.set_exception(error)
        except Exception as error:
            if len(group) > 1:  # what one request brought is no reason to refuse the others
                for one in group:
                    self._write([one])
            else:
                group[0][1].set_exception(error)
        else:
            at = 0
            for facts, future in group:
                future.set_result(outcomes[at : at + len(facts)])
                at += len(facts)
