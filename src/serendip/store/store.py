"""The store of a project: events, users, items and recommendations, in an SQLite file or in PostgreSQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import TracebackType

import numpy as np
import polars as pl

from serendip.arrays import I32
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids, as_text
from serendip.data.interactions import InteractionRules
from serendip.data.queries import History
from serendip.data.slates import Slates
from serendip.data.tables import Tables
from serendip.errors import NotFound
from serendip.store import apart, changes, describe, events, files, impressions, recording
from serendip.store.bulk import Bulk
from serendip.store.changes import Changed, Mark
from serendip.store.connection import Connection, Database, found
from serendip.store.database import SQLite
from serendip.store.describe import About, Entry, Put
from serendip.store.events import Added
from serendip.store.files import File
from serendip.store.impressions import Impression
from serendip.store.index import KEY, Index, Side, described, features
from serendip.store.lease import Lease
from serendip.store.recommendations import Recommended, current, put, recommended, users_with_some
from serendip.store.recording import Fact, Outcome
from serendip.store.rulebook import Rulebook
from serendip.store.search import Found, about, search

TOGETHER = "NOT EXISTS (SELECT 1 FROM apart WHERE apart.user = users.idx)"  # a user who does not stand apart


@dataclass(frozen=True)
class Counts:
    """How many of everything the store holds."""

    users: int
    items: int
    events: int
    quarantined: int
    recommended: int  # users with recommendations of the current version


class Store:
    """Open it with `Store.open(path)`; share it between threads: each reads by a connection of its own, writes queue.

    An index of a user or item means the same for ever: in every data set, history, model and recommendation.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[Side, Ids] = {"users": Ids([]), "items": Ids([])}
        self._types: tuple[str, ...] = ()
        self._timed = False
        self._erased = 0

    @staticmethod
    def open(place: str | PathLike[str], create: bool = True) -> "Store":
        """Open the store at a path or in a database (postgresql://...), or make one there.

        Raises:
            UserError: there is none and `create` is false, it is no store, it is damaged, or a newer version wrote it.
            Unavailable: the server of the database cannot be reached.
        """
        if isinstance(place, str) and place.startswith(("postgresql://", "postgres://")):
            from serendip.store.postgres import Postgres

            return Store(Postgres(place, create))
        return Store(SQLite(Path(place), create))

    @property
    def where(self) -> str:
        """The path of the file, or the address of the database without its password."""
        return self._database.where

    @property
    def database(self) -> Database:
        """What it is kept in."""
        return self._database

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # Writing

    def add(self, tables: Tables) -> Added:
        """Write tables in one transaction: on disk when this returns, each event once, whatever is repeated.

        Raises:
            UserError: an id is missing, or the disk is full; then nothing of the tables is written.
        """
        load = Bulk(self._database)
        load.add(tables)
        return load.flush()

    def record(self, facts: Sequence[Fact]) -> list[Outcome]:
        """Record events as they happen, in one transaction: on disk when this returns, each with what became of it.

        Raises:
            Unavailable: the disk is full or the store cannot be reached; then none of them is recorded.
        """
        with self._database.write() as connection:
            return recording.record(connection, facts)

    def opt_out(self, user_id: object, out: bool = True) -> None:
        """Let a user opt out (known or not): nothing is recorded, learned or used of them; or let them in again."""
        with self._database.write() as connection:
            (user,), _ = Index("users").assign(connection, pl.Series([as_text(user_id)]))
            apart.opt_out(connection, int(user), out)

    def opted_out(self, user_id: object) -> bool:
        """Return whether a user has opted out."""
        with self._database.read() as connection:
            ask = "SELECT 1 FROM users JOIN apart ON apart.user = users.idx WHERE user_id = ?"
            return connection.execute(ask, [as_text(user_id)]).fetchone() is not None

    def erase(self, user_id: object) -> int:
        """Remove all that is known of a user; the index stays, and nobody gets it. Return how many events that were.

        Raises:
            NotFound: there is no such user.
        """
        text = as_text(user_id)
        with self._database.write() as connection:
            row = connection.execute("SELECT idx FROM users WHERE user_id = ?", [text]).fetchone()
            if row is None:
                raise NotFound(f"there is no user {text!r} in {self.where}")
            gone = apart.erase(connection, int(row[0]), text)
        self._database.tidy()
        return gone

    def erased(self) -> I32:
        """Return the users who were erased, by index, ascending."""
        with self._database.read() as connection:
            return apart.apart(connection, erased=True)

    def apart(self) -> I32:
        """Return the users who have opted out or were erased, by index, ascending."""
        with self._database.read() as connection:
            return apart.apart(connection)

    def bulk(self) -> Bulk:
        """Return a bulk load: `with store.bulk() as load: load.add(tables)`, again and again."""
        return Bulk(self._database)

    def lease(self, name: str, seconds: float) -> Lease:
        """Return a lease that one process of many can hold at a time."""
        return Lease(self._database, name, seconds)

    @property
    def rulebook(self) -> Rulebook:
        """The book of business rules."""
        return Rulebook(self._database)

    def add_impressions(self, shown: Sequence[Impression]) -> None:
        """Record slates that were shown, in one transaction."""
        impressions.add(self._database, shown)

    def impression(self, request_id: str) -> Impression | None:
        """Return the slate that a request was shown, None where none is recorded."""
        return impressions.find(self._database, request_id)

    def hide(self, item_id: object, hidden: bool = True) -> None:
        """Take an item out of recommendations and search, or put it back.

        Raises:
            UserError: there is no such item.
        """
        index = self.items().find(item_id, "item")
        with self._database.write() as connection:
            connection.execute("UPDATE items SET hidden = ? WHERE idx = ?", [int(hidden), index])
            changes.note(connection, "items", [index])

    def put_recommendations(
        self, version: str, slates: Iterable[tuple[I32, Slates, Sequence[Sequence[str]] | None]]
    ) -> int:
        """Replace the recommendations by those of a model version: (user (B,), slates, a reason a position) by blocks.

        Readers see the old ones until the last block is written. Return how many users have some now.
        """
        return put(self._database, version, slates)

    # Reading

    def users(self) -> Ids:
        """The users' ids by index."""
        return self._table("users")

    def items(self) -> Ids:
        """The items' ids by index."""
        return self._table("items")

    def _table(self, side: Side) -> Ids:
        with self._database.read() as connection:
            if side == "users":  # an erased one has another name
                (erased,) = connection.execute("SELECT count(*) FROM apart WHERE erased = 1").fetchone()
                if erased != self._erased:
                    self._ids["users"], self._erased = Ids([]), erased
            known = self._ids[side]
            (n,) = connection.execute(f"SELECT coalesce(max(idx) + 1, 0) FROM {side}").fetchone()
            if n <= len(known):  # fewer: a snapshot from before the last look
                return known if n == len(known) else Ids(known.series.head(n))
            rows = connection.execute(f"SELECT {KEY[side]} FROM {side} WHERE idx >= ? ORDER BY idx", [len(known)])
            more = pl.Series("id", [id_ for (id_,) in rows], pl.String)
        self._ids[side] = Ids(pl.concat([known.series, more]))
        return self._ids[side]

    def find_user(self, user_id: object) -> int:
        """Return the index of a user, -1 where unknown or opted out: one look-up, whatever the number of users."""
        with self._database.read() as connection:
            ask = f"SELECT idx FROM users WHERE user_id = ? AND {TOGETHER}"
            row = connection.execute(ask, [as_text(user_id)]).fetchone()
        return -1 if row is None else int(row[0])

    def find_users(self, user_ids: Sequence[str]) -> dict[str, int]:
        """Return the indices of those users who are known and have not opted out."""
        with self._database.read() as connection:
            ask = f"SELECT user_id, idx FROM users WHERE {TOGETHER} AND user_id IN"
            return dict(found(connection, ask, user_ids))

    def find_item(self, item_id: object) -> int:
        """Return the index of an item, -1 where unknown, by one look-up."""
        with self._database.read() as connection:
            row = connection.execute("SELECT idx FROM items WHERE item_id = ?", [as_text(item_id)]).fetchone()
        return -1 if row is None else int(row[0])

    def hidden(self) -> I32:
        """Return the items that are hidden, ascending."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT idx FROM items WHERE hidden = 1 ORDER BY idx").fetchall()
        return np.array([idx for (idx,) in rows], np.int32)

    def dataset(self, rules: InteractionRules | None = None, context: Sequence[str] = ()) -> Dataset:
        """Return every event as a data set; `context` names the keys of the events' context to bring as columns.

        Time: about a second a million events. Memory: 21 bytes an event, 42 MB on the way, and the ids.
        """
        with self._database.snapshot() as connection:
            users, items = self.users(), self.items()
            user, item, kind, value, timestamp = events.read(connection)
            columns = {name: events.context(connection, name) for name in context}
            types = events.types(connection)
            about_users, about_items = features(connection, "users"), features(connection, "items")
            out = apart.apart(connection)
        if len(out):
            used = ~np.isin(user, out)
            user, item, kind, value = user[used], item[used], kind[used], value[used]
            timestamp = None if timestamp is None else timestamp[used]
            columns = {name: column.filter(pl.Series(used)) for name, column in columns.items()}
            about_users = None if about_users is None else apart.without(about_users, out)
        return Dataset(
            users, items, user, item, value, timestamp, kind, types,
            context=columns,
            user_features=about_users, item_features=about_items, rules=rules or InteractionRules(),
        )  # fmt: skip

    def tables(self) -> Tables:
        """Return everything with external ids, events in order of arrival."""
        with self._database.snapshot() as connection:
            sides = []
            for side in ("items", "users"):
                known, more = self._table(side), features(connection, side)
                frame = pl.DataFrame({KEY[side]: known.series})
                sides.append(frame if more is None else frame.hstack(more))
            return Tables(events.frame(connection).drop("seq"), *sides)

    def context_keys(self) -> list[str]:
        """Return the keys of the first thousand contexts of events."""
        with self._database.read() as connection:
            return events.keys(events.first_contexts(connection))

    def events_since(self, seq: int = -1, limit: int = -1) -> pl.DataFrame:
        """Return the events that came after the one numbered `seq`: the canonical columns, and seq itself."""
        with self._database.snapshot() as connection:
            return events.frame(connection, seq, limit)

    def history(self, user: int | str, limit: int | None = None) -> History:
        """Return the last `limit` events (None: all) of one user, an index or an id; empty where unknown.  # 1 history

        The columns and the type codes are those of `dataset`, so that a model knows a history it was fitted on.
        """
        who = f"(SELECT idx FROM users WHERE user_id = ? AND {TOGETHER})" if isinstance(user, str) else "?"
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT item, value, type, coalesce(timestamp, 0) FROM events"
                f" WHERE user = {who} ORDER BY timestamp DESC NULLS LAST, seq DESC"
                f"{'' if limit is None else ' LIMIT ?'}",
                [as_text(user) if isinstance(user, str) else int(user), *([] if limit is None else [limit])],
            ).fetchall()
            types = self._event_types(connection, max((row[2] for row in rows), default=0))
            self._timed = timed = self._timed or events.timed(connection)
        rows.reverse()
        item, value, kind, timestamp = zip(*rows, strict=True) if rows else ((), (), (), ())
        return History(
            np.array([0, len(rows)], np.int64),
            np.array(item, np.int32),
            np.array(value, np.float32),
            np.array(kind, np.int8),
            np.array(timestamp, np.int64) if timed else None,
            types,
        )

    def _event_types(self, connection: Connection, code: int) -> tuple[str, ...]:
        if code >= len(self._types):
            self._types = events.types(connection)
        return self._types

    def recommendations(self, user: int | str) -> list[Recommended]:
        """Return what was put for a user, an index or an id, best first; empty where nothing was."""
        with self._database.snapshot() as connection:
            return recommended(connection, user)

    def recommendations_version(self) -> str | None:
        """Return the model version that the recommendations are of."""
        with self._database.read() as connection:
            return current(connection)[1]

    def described(self, side: Side, index: Sequence[int]) -> pl.DataFrame | None:
        """Return the attributes of users or items by index, one row each in the order asked; None where none has any.

        The columns are those of `dataset`, whoever has a value in them.
        """
        with self._database.snapshot() as connection:
            return described(connection, side, index)

    def about(self, side: Side, id_: str) -> About | None:
        """Return what is known of one user or item, None where there is none or it was deleted."""
        with self._database.snapshot() as connection:
            return describe.about(connection, side, id_)

    def describe(self, side: Side, entries: Sequence[Entry], *, create: bool = True) -> list[Put]:
        """Put or change users or items, each entry with its own status, in one transaction.

        create: an id that is not there is made; otherwise its status is `not_found`.
        """
        with self._database.write() as connection:
            return describe.put(connection, side, entries, create=create)

    def delete_items(self, item_ids: Sequence[str]) -> list[Put]:
        """Take items out of the catalogue for good, each with its own status; what users did with them stays."""
        with self._database.write() as connection:
            return describe.delete(connection, item_ids)

    def item_features(self) -> pl.DataFrame | None:
        """Return the attributes of the items, one row an index; None where there are none."""
        with self._database.read() as connection:
            return features(connection, "items")

    def user_features(self, user: int) -> pl.DataFrame | None:
        """Return the attributes of one user by index, one row; None where users have none or it is unknown."""
        with self._database.read() as connection:
            about = features(connection, "users", user)
        return None if about is None or about.is_empty() else about

    def search_items(self, text: str, k: int = 20) -> list[Found]:
        """Return items whose id begins with `text`, or whose attributes hold each of its words."""
        with self._database.read() as connection:
            return search(connection, "items", text, k)

    def search_users(self, text: str, k: int = 20) -> list[Found]:
        """Return users whose id begins with `text`, or whose attributes hold each of its words."""
        with self._database.read() as connection:
            return search(connection, "users", text, k)

    def about_items(self, item: Iterable[int]) -> list[Found]:
        """Return id and attributes of items by index, in the order asked."""
        with self._database.read() as connection:
            return about(connection, "items", item)

    def about_users(self, user: Iterable[int]) -> list[Found]:
        """Return id and attributes of users by index, in the order asked."""
        with self._database.read() as connection:
            return about(connection, "users", user)

    def file(self, sha256: str) -> File | None:
        """Return how far a file with this content was read."""
        with self._database.read() as connection:
            return files.find_file(connection, sha256)

    def fold(self) -> None:
        """Do now, while others read and write, what a later transaction would have to do for all before it."""
        self._database.fold()

    def stamp(self) -> object:
        """Return what is another whenever anything was written, by anybody; it compares within one thread only."""
        return self._database.stamp()

    def mark(self) -> Mark:
        """Return where the log of changes stands."""
        with self._database.snapshot() as connection:
            return changes.mark(connection)

    def changed(self, since: Mark) -> Changed:
        """Return whose history, which users' and items' descriptions and whether the rules have changed since."""
        with self._database.snapshot() as connection:
            return changes.since(connection, since)

    def active(self, n: int, of: int = 200_000) -> list[str]:
        """Return the n users with the most of the last `of` events, the most active first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT user_id FROM (SELECT e.user AS idx, count(*) AS events FROM events e WHERE e.seq >"
                " (SELECT coalesce(max(seq), -1) FROM events) - ? GROUP BY e.user ORDER BY events DESC LIMIT ?) most"
                " JOIN users ON users.idx = most.idx ORDER BY most.events DESC",
                [of, n],
            ).fetchall()
        return [user_id for (user_id,) in rows]

    def arrived(self) -> int:
        """Return how many events have come in so far, those that were removed since included."""
        with self._database.read() as connection:
            return events.arrived(connection)

    def check(self) -> None:
        """Raise Unavailable where the store cannot be read, or its file is gone or another."""
        self._database.check()
        with self._database.read() as connection:
            connection.execute("SELECT 1 FROM meta LIMIT 1").fetchall()

    def quarantined(self, limit: int = -1) -> pl.DataFrame:
        """Return the rows that could not be loaded: file, line, reason, row."""
        with self._database.read() as connection:
            return files.quarantined(connection, limit)

    def forget_quarantined(self, file: str | None = None) -> int:
        """Drop the rows of a file that could not be loaded, of every file where none is named; return how many."""
        with self._database.write() as connection:
            gone = files.forget(connection, file)
        self._database.tidy()
        return gone

    def counts(self) -> Counts:
        """Return how many users, items, events and quarantined rows there are; erased and deleted ones do not count."""
        erased = "NOT EXISTS (SELECT 1 FROM apart WHERE apart.user = users.idx AND erased = 1)"
        with self._database.snapshot() as connection:
            n = [connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
                 for t in (f"users WHERE {erased}", "items WHERE deleted = 0", "events", "quarantine")]  # fmt: skip
            n.append(users_with_some(connection))
        return Counts(*n)
