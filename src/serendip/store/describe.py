"""Users and items described one by one: typed attributes put, changed and taken away, a status for each."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TypeGuard

from serendip.errors import UserError
from serendip.store.attributes import Kinds
from serendip.store.changes import note
from serendip.store.connection import Connection, found
from serendip.store.index import KEY, Side, kinds
from serendip.store.words import drop_words, put_words, words_of

Status = Literal["created", "changed", "unchanged", "deleted", "invalid", "not_found"]
DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?")
LARGEST = 3.4e38  # about the largest float32
WORDS = {
    "number": "a number",
    "boolean": "true or false",
    "list": "a list of texts",
    "vector": "a list of numbers",
    "date": "a date",
    "text": "a text",
}


@dataclass(frozen=True)
class Entry:
    """What is said of one user or item. whole: it replaces what was there; otherwise it changes what it names.

    attributes: a value None takes the attribute away. hidden: of an item only; None leaves it as it is.
    """

    id: str
    attributes: Mapping[str, object]
    hidden: bool | None = None
    whole: bool = False


class Put(NamedTuple):
    """What became of an entry, and why where nothing did."""

    id: str
    status: Status
    reason: str | None = None


class About(NamedTuple):
    """What is known of one user or item; of an item when it was added (ms since 1970) and whether it is hidden."""

    idx: int
    id: str
    attributes: dict[str, object]
    hidden: bool = False
    added_at: int | None = None


def put(connection: Connection, side: Side, entries: Sequence[Entry], *, create: bool = True) -> list[Put]:
    """Write entries in the order given, each wholly or not at all; what does not fit says why and stops no other.

    create: an id that is not there is made, otherwise it is `not_found`.
    """
    known, old = kinds(connection, side), _read(connection, side, [entry.id for entry in entries])
    before, words = dict(known), {entry_id: words_of(was.attributes) for entry_id, was in old.items()}
    done, touched = [], []
    for entry in entries:
        was = old.get(entry.id)
        if was is None and not create:
            done.append(Put(entry.id, "not_found", f"no {KEY[side][:4]} has the id {entry.id!r}"))
            continue
        try:
            said = fitted(entry.attributes, known)
        except UserError as error:
            done.append(Put(entry.id, "invalid", str(error)))
            continue
        now, status = _written(connection, side, entry, was, said)
        old[entry.id] = now
        if status != "unchanged":
            touched.append(now.idx)
        done.append(Put(entry.id, status))
    if known != before:
        connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            [f"kinds.{side}", json.dumps(known)],
        )
    _reworded(connection, side, words, old)
    note(connection, side, list(dict.fromkeys(touched)))
    return done


def _reworded(connection: Connection, side: Side, words: Mapping[str, set[str]], now: Mapping[str, About]) -> None:
    """Keep the words by which users and items are found in step."""
    had = {(word, now[id_].idx) for id_, those in words.items() for word in those}
    has = {(word, one.idx) for one in now.values() for word in words_of(one.attributes)}
    drop_words(connection, side, had - has)
    put_words(connection, side, has - had)


def _written(
    connection: Connection, side: Side, entry: Entry, was: About | None, said: Mapping[str, object]
) -> tuple[About, Status]:
    """Write one entry whose attributes fit; return what stands now, and what that is."""
    if was is None:
        (index,) = connection.execute(f"SELECT coalesce(max(idx) + 1, 0) FROM {side}").fetchone()
        held = _merged({}, said)
        now = About(int(index), entry.id, held, bool(entry.hidden), int(time.time() * 1000))
        row = [now.idx, now.id, _text(held)]
        if side == "items":
            connection.execute(
                "INSERT INTO items(idx, item_id, attributes, hidden, added_at) VALUES (?, ?, ?, ?, ?)",
                [*row, int(now.hidden), now.added_at],
            )
        else:
            connection.execute("INSERT INTO users(idx, user_id, attributes) VALUES (?, ?, ?)", row)
        return now, "created"
    back = was.attributes.get(GONE) is True  # a deleted item that is put again
    held = _merged({} if entry.whole or back else was.attributes, said)
    shown = was.hidden if entry.hidden is None and not (entry.whole or back) else bool(entry.hidden)
    now = About(was.idx, was.id, held, shown, was.added_at)
    if now == was:
        return was, "unchanged"
    if side == "items":
        connection.execute(
            "UPDATE items SET attributes = ?, hidden = ?, deleted = 0 WHERE idx = ?",
            [_text(held), int(shown), was.idx],
        )
    else:
        connection.execute("UPDATE users SET attributes = ? WHERE idx = ?", [_text(held), was.idx])
    return now, "created" if back else "changed"


GONE = "\0deleted"  # no attribute can have this name


def delete(connection: Connection, item_ids: Sequence[str]) -> list[Put]:
    """Take items out of the catalogue: their attributes go, they are never shown again; users' events stay.

    The index is never given to another; an item of the same id that is put later has it again.
    """
    old, done = _read(connection, "items", item_ids), []
    for item_id in item_ids:
        was = old.pop(item_id, None)
        if was is None or was.attributes.get(GONE):
            done.append(Put(item_id, "not_found", f"no item has the id {item_id!r}"))
            continue
        connection.execute("UPDATE items SET attributes = '{}', hidden = 1, deleted = 1 WHERE idx = ?", [was.idx])
        drop_words(connection, "items", {(word, was.idx) for word in words_of(was.attributes)})
        note(connection, "items", [was.idx])
        done.append(Put(item_id, "deleted"))
    return done


def about(connection: Connection, side: Side, id_: str) -> About | None:
    """Return what is known of a user or item, dates as ISO 8601; None where there is none or it was deleted."""
    got = _read(connection, side, [id_]).get(id_)
    if got is None or got.attributes.get(GONE):
        return None
    dates = {name for name, kind in kinds(connection, side).items() if kind == "date"}
    return got._replace(attributes={n: _iso(v) if n in dates else v for n, v in got.attributes.items()})


def _read(connection: Connection, side: Side, ids: Sequence[str]) -> dict[str, About]:
    more = ", hidden, added_at, deleted" if side == "items" else ""
    asked = f"SELECT idx, {KEY[side]}, attributes{more} FROM {side} WHERE {KEY[side]} IN"
    read = {}
    for idx, id_, text, *rest in found(connection, asked, list(dict.fromkeys(ids))):
        hidden, added_at, deleted = rest or (False, None, False)
        held = {GONE: True} if deleted else json.loads(text)
        read[id_] = About(int(idx), id_, held, bool(hidden), added_at)
    return read


def fitted(attributes: Mapping[str, object], known: Kinds) -> dict[str, object]:
    """Return attributes as they are stored, of the kinds that are known; new names are added to `known`.

    A text is a date where the attribute is one, or is new and reads as ISO 8601; one text stands for a list of one.

    Raises:
        UserError: a value is of another kind than the attribute, or of none; `known` is left as it was.
    """
    said: dict[str, object] = {}
    new: Kinds = {}
    for name, value in attributes.items():
        if value is None:
            said[name] = None
            continue
        kind = known.get(name) or _kind(value)
        if kind is None:
            raise UserError(
                f"{name} is a number, a text, true or false, a date or a list of texts or of numbers, "
                f"not {_short(value)}"
            )
        stored = _stored(value, kind)
        if stored is None:
            raise UserError(f"{name} is {WORDS[kind]}, not {_short(value)}")
        said[name] = stored
        new[name] = kind
    known.update(new)
    return said


def _kind(value: object) -> str | None:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text" if _time(value) is None else "date"
        case [*each] if all(isinstance(one, str) for one in each):
            return "list"
        case [*each] if all(map(_number, each)):
            return "vector"
    return None


def _number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that a float32 can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _stored(value: object, kind: str) -> object:
    """Return a value as its kind is stored, None where it does not fit."""
    match kind, value:
        case ("boolean", bool()):
            return value
        case ("number", int() | float()) if not isinstance(value, bool):
            return float(value)
        case ("text", str()):
            return value
        case ("list", str()):
            return [value]
        case ("list", [*each]) if all(isinstance(one, str) for one in each):
            return each
        case ("vector", [*each]):
            numbers = [float(one) for one in each if _number(one)]
            return numbers if len(numbers) == len(each) else None
        case ("date", str()):
            return _time(value)
        case ("date", int()) if not isinstance(value, bool):
            return value
    return None


def _time(text: str) -> int | None:
    """Return ms since 1970 of an ISO 8601 date or time, UTC where it says nothing else; None where it is none."""
    if not DATE.fullmatch(text):
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)


def _iso(value: object) -> object:
    try:
        when = datetime.fromtimestamp(float(str(value)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return value
    return when.isoformat(timespec="milliseconds" if when.microsecond else "seconds").replace("+00:00", "Z")


def _merged(old: Mapping[str, object], said: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**old, **said}.items() if value is not None}


def _text(attributes: Mapping[str, object]) -> str:
    return json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 40 else text[:39] + "…"
