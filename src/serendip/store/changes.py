"""What was written lately: the log by which every process learns what its answers are no longer up to date about."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from serendip.store.connection import Connection

Subject = Literal["users", "items", "rules"]
KEPT = 100_000  # changes in the log; whoever is further behind looks at everything anew
MANY = 1_000  # changes or events at once from which "any of them" is said
ANY = -1


class Mark(NamedTuple):
    """How far somebody has followed: the last event and the last change, by number."""

    event: int
    change: int


class Changed(NamedTuple):
    """What came after a mark. users: ids of those with new events or another description; items: indices.

    None in place of a set: any of them.
    """

    mark: Mark
    users: frozenset[str] | None = frozenset()
    items: frozenset[int] | None = frozenset()
    rules: bool = False


def note(connection: Connection, subject: Subject, index: Sequence[int]) -> None:
    """Write into the log, in the transaction that changes them, which users or items are changed or new."""
    if not len(index):
        return
    said = [ANY] if len(index) > MANY else list(index)
    (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()
    rows = [(last + 1 + n, subject, int(i)) for n, i in enumerate(said)]
    connection.executemany("INSERT INTO changes(seq, subject, idx) VALUES (?, ?, ?)", rows)
    connection.execute("DELETE FROM changes WHERE seq <= ?", [last + len(rows) - KEPT])


def mark(connection: Connection) -> Mark:
    """Return where the log stands."""
    (event,) = connection.execute("SELECT coalesce(max(seq), -1) FROM events").fetchone()
    (change,) = connection.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()
    return Mark(int(event), int(change))


def since(connection: Connection, last: Mark) -> Changed:
    """Return what came after a mark, and the mark to go on from; to be asked in one snapshot."""
    now = mark(connection)
    if now == last:
        return Changed(now)
    (first,) = connection.execute("SELECT coalesce(min(seq), 0) FROM changes").fetchone()
    if now.change < last.change or first > last.change + 1:  # another store, or too far behind
        return Changed(now, None, None, True)
    log = connection.execute("SELECT subject, idx FROM changes WHERE seq > ?", [last.change]).fetchall()
    about = {subject: frozenset(idx for what, idx in log if what == subject) for subject in ("users", "items", "rules")}
    items = None if ANY in about["items"] else about["items"]
    users = None
    if ANY not in about["users"] and now.event - last.event <= MANY:
        users = _by_events(connection, last.event) | _by_index(connection, about["users"])
    return Changed(now, users, items, bool(about["rules"]))


def _by_events(connection: Connection, after: int) -> frozenset[str]:
    rows = connection.execute(
        "SELECT DISTINCT users.user_id FROM events e JOIN users ON users.idx = e.user WHERE e.seq > ?",
        [after],
    )
    return frozenset(user_id for (user_id,) in rows.fetchall())


def _by_index(connection: Connection, index: frozenset[int]) -> frozenset[str]:
    rows = (connection.execute("SELECT user_id FROM users WHERE idx = ?", [i]).fetchone() for i in index)
    return frozenset(row[0] for row in rows if row is not None)
