"""Events one by one as they happen: each recorded once, and taken back where a later one says so."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from serendip.store.changes import note
from serendip.store.connection import Connection, found
from serendip.store.events import MAX_TYPES, arrived, floor, pack, timed, withdraw
from serendip.store.index import Index

Status = Literal["recorded", "repeated", "conflict", "invalid", "opted_out"]
UNDO = "undo"  # the type of an event that takes others back


class Fact(NamedTuple):
    """One event. timestamp: ms since 1970, `stamped` where whoever sent it said so; context: a JSON object.

    An undo names the event that it takes back (`undoes`), or takes back those of the user and item of a type.
    """

    user_id: str
    item_id: str
    type: str
    value: float | None
    timestamp: int
    stamped: bool
    event_id: str | None = None
    context: str | None = None
    impression_id: str | None = None
    undoes: str | None = None
    undoes_type: str | None = None


class Outcome(NamedTuple):
    """What became of one event, and why where it was not simply recorded."""

    status: Status
    reason: str | None = None


Body = tuple[Any, ...]  # user_id, item_id, type, value, context, timestamp
RECORDED, REPEATED = Outcome("recorded"), Outcome("repeated")
OTHERWISE = Outcome("conflict", "an event of this event_id was recorded with another body, which stays")
NOT_THEIRS = Outcome("conflict", "the event that it takes back is another user's")
OPTED_OUT = Outcome("opted_out", "this user has opted out: nothing is recorded")


def record(connection: Connection, facts: Sequence[Fact]) -> list[Outcome]:
    """Record events in this order, inside the caller's transaction; what is not possible stops no other."""
    ids = [pack(fact.event_id) for fact in facts]
    asked = [id_ for id_, fact in zip(ids, facts, strict=True) if fact.event_id is not None]
    known = recorded(connection, asked)
    early = dict(found(connection, "SELECT event_id, user FROM withdrawn WHERE type IS NULL AND event_id IN", asked))
    out_ask = "SELECT user_id FROM users WHERE idx IN (SELECT user FROM apart) AND user_id IN"
    out = {user_id for (user_id,) in found(connection, out_ask, list({fact.user_id for fact in facts}))}
    types = dict(connection.execute("SELECT name, code FROM event_types").fetchall())
    users, items = Index("users"), Index("items")
    waiting: list[tuple[bytes, Fact]] = []
    outcomes = []
    for id_, fact in zip(ids, facts, strict=True):
        before = known.get(id_)
        if fact.user_id in out:
            outcomes.append(OPTED_OUT)
        elif before is not None:
            outcomes.append(REPEATED if same(before, fact) else OTHERWISE)
        elif fact.type == UNDO and coded(connection, UNDO, types):
            put(connection, waiting, users, items, types)
            waiting = []
            done = undo(connection, id_, fact, users)
            outcomes.append(done)
            if done.status == "recorded":
                known[id_] = body(fact)
        elif not coded(connection, fact.type, types):
            outcomes.append(Outcome("invalid", f"there are {MAX_TYPES} types of events already: is {fact.type!r} one?"))
        else:
            known[id_] = body(fact)
            waiting.append((id_, fact))
            taken = id_ in early
            outcomes.append(Outcome("recorded", "it had been taken back already") if taken else RECORDED)
    put(connection, waiting, users, items, types)
    return outcomes


def coded(connection: Connection, name: str, types: dict[str, int]) -> bool:
    """Let a type of event have a code; return whether there is one to be had."""
    if name not in types:
        if len(types) >= MAX_TYPES:
            return False
        types[name] = len(types)
        connection.execute("INSERT INTO event_types(code, name) VALUES (?, ?)", [types[name], name])
    return True


def body(fact: Fact) -> Body:
    """Return what makes an event the same as another of its id."""
    return fact.user_id, fact.item_id, fact.type, fact.value, fact.context, fact.timestamp


def same(before: Body, fact: Fact) -> bool:
    """Return whether an event was recorded before as it is sent now; a time that is not said is not compared."""
    now = body(fact)
    if fact.type == UNDO:  # what it took back may not have been known then
        return (before[0], before[2]) == (now[0], now[2])
    return before == now if fact.stamped else before[:-1] == now[:-1]


def recorded(connection: Connection, ids: list[bytes]) -> dict[bytes, Body]:
    """Return the bodies of those events that are recorded, those that were taken back included."""
    there: dict[bytes, Body] = {}
    for table in ("events", "withdrawn"):
        ask = (
            f"SELECT e.event_id, users.user_id, items.item_id, t.name, e.value, e.context, e.timestamp FROM {table} e"
            " JOIN users ON users.idx = e.user LEFT JOIN items ON items.idx = e.item"
            " JOIN event_types t ON t.code = e.type WHERE e.event_id IN"
        )
        there.update((bytes(id_), tuple(rest)) for id_, *rest in found(connection, ask, ids))
    return there


def put(
    connection: Connection, waiting: Sequence[tuple[bytes, Fact]], users: Index, items: Index, types: dict[str, int]
) -> None:
    """Insert events whose ids are new; those that were taken back before they came go to the others of that kind."""
    if not waiting:
        return
    users.meet(connection, dict.fromkeys(fact.user_id for _, fact in waiting))
    items.meet(connection, dict.fromkeys(fact.item_id for _, fact in waiting))
    first = arrived(connection)
    rows = [
        (first + n, id_, users.known[f.user_id], items.known[f.item_id], types[f.type], f.value, f.timestamp, f.context,
         f.impression_id)
        for n, (id_, f) in enumerate(waiting)
    ]  # fmt: skip
    connection.executemany(
        "INSERT INTO events(seq, event_id, user, item, type, value, timestamp, context, impression_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    if first == 0 or not timed(connection):
        connection.execute("INSERT INTO meta VALUES ('timed', '1') ON CONFLICT DO NOTHING")
    withdraw(connection, first)


def undo(connection: Connection, id_: bytes, fact: Fact, users: Index) -> Outcome:
    """Take events back: out of histories and data sets, kept by id, so that none of them is recorded again."""
    users.meet(connection, [fact.user_id])
    user = users.known[fact.user_id]
    row = connection.execute("SELECT idx FROM items WHERE item_id = ?", [fact.item_id]).fetchone()
    item = None if row is None else int(row[0])
    said = RECORDED
    if fact.undoes is not None:
        target = pack(fact.undoes)
        owner = connection.execute("SELECT user FROM events WHERE event_id = ?", [target]).fetchone()
        if owner is None:
            owner = connection.execute("SELECT user FROM withdrawn WHERE event_id = ?", [target]).fetchone()
            if owner is None:  # it may come later
                connection.execute("INSERT INTO withdrawn(event_id, user) VALUES (?, ?)", [target, user])
        if owner is not None and owner[0] != user:
            return NOT_THEIRS
        take(connection, "event_id = ?", [target])
    else:
        kind = connection.execute("SELECT code FROM event_types WHERE name = ?", [fact.undoes_type]).fetchone()
        taken = 0 if kind is None or item is None else take(
            connection, "user = ? AND item = ? AND type = ?", [user, item, kind[0]]
        )  # fmt: skip
        if not taken:
            said = Outcome("recorded", "there was nothing to take back")
    connection.execute(
        "INSERT INTO withdrawn(event_id, user, item, type, value, timestamp, context)"
        " SELECT ?, ?, ?, code, ?, ?, ? FROM event_types WHERE name = ?",
        [id_, user, item, fact.value, fact.timestamp, fact.context, UNDO],
    )
    note(connection, "users", [user])
    return said


def take(connection: Connection, which: str, values: Sequence[Any]) -> int:
    """Move events to those that were taken back; return how many."""
    floor(connection)
    moved = connection.execute(
        "INSERT INTO withdrawn(event_id, user, item, type, value, timestamp, context)"
        f" SELECT event_id, user, item, type, value, timestamp, context FROM events WHERE {which}",
        values,
    ).rowcount
    if moved:
        connection.execute(f"DELETE FROM events WHERE {which}", values)
    return moved
