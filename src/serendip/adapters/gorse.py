"""What a Gorse holds, as our tables: from the files of its dashboard's export, or asked of one that runs.

Formats: the export as CSV (to version 0.4: users.csv, items.csv, feedback.csv) and as JSON lines (since: users.jsonl
and so on), the REST API's /api/users, /api/items and /api/feedback by pages with a cursor, as its documentation and
its own tests have them.
"""

import csv
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import polars as pl

from serendip.data.readers.columns import event_type
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.errors import UserError

Kind = Literal["users", "items", "feedback"]
KINDS: tuple[Kind, ...] = ("users", "items", "feedback")
Row = Mapping[str, Any]
ANSWER = {"users": "Users", "items": "Items", "feedback": "Feedback"}
PAGE = 1000  # rows asked of a running one at once
BATCH = 100_000  # rows of one table
TIMEOUT = 30.0  # seconds that an answer may take
COLUMNS = {  # of the CSV files
    "user_id": "UserId", "item_id": "ItemId", "is_hidden": "IsHidden", "categories": "Categories", "labels": "Labels",
    "time_stamp": "Timestamp", "description": "Comment", "feedback_type": "FeedbackType", "value": "Value",
}  # fmt: skip
WHEN = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?")
ZERO = "0001-01-01"  # what Gorse writes where it knows no time


def rows(source: str, kind: Kind, key: str = "") -> Iterator[Row]:
    """Give the rows of one kind under the names of Gorse's API: of a running one where `source` is an address.

    Raises:
        UserError: there is nothing there, it cannot be read, or it refuses the key.
    """
    if urlsplit(source).scheme in ("http", "https"):
        return asked(source.rstrip("/"), kind, key)
    path = next((p for ending in ("jsonl", "csv") if (p := Path(source) / f"{kind}.{ending}").is_file()), None)
    if path is None:
        raise UserError(f"{source} holds neither {kind}.csv nor {kind}.jsonl: name the folder of a Gorse export")
    return lines(path) if path.suffix == ".jsonl" else table(path)


def asked(address: str, kind: Kind, key: str) -> Iterator[Row]:
    """Give what a running Gorse answers, page by page."""
    cursor = ""
    while True:
        asked_for = f"{address}/api/{kind}?{urlencode({'n': PAGE, 'cursor': cursor})}"
        request = urllib.request.Request(asked_for, headers={"X-API-Key": key, "Accept": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                page = json.load(answer)
            yield from page.get(ANSWER[kind]) or []
            cursor = page.get("Cursor") or ""
        except urllib.error.HTTPError as error:
            hint = ": give its key with --key" if error.code in (401, 403) else ""
            raise UserError(f"{address} answers {error.code} to /api/{kind}{hint}") from None
        except (OSError, ValueError, AttributeError) as error:
            raise UserError(f"{address} does not answer as a Gorse does: {error}") from None
        if not cursor:
            return


def lines(path: Path) -> Iterator[Row]:
    """Give the rows of a file of JSON lines."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UserError(f"{path}, line {number}: this is not JSON: {error}") from None
            if not isinstance(row, dict):
                raise UserError(f"{path}, line {number}: a row is a JSON object")
            yield row


def table(path: Path) -> Iterator[Row]:
    """Give the rows of a CSV file with a header."""
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            given = {COLUMNS[name]: value for name, value in row.items() if name in COLUMNS and value is not None}
            if "Categories" in given:
                given["Categories"] = given["Categories"].split("|") if given["Categories"] else []
            if "Labels" in given:
                given["Labels"] = labels(given["Labels"])
            yield given


def labels(text: str) -> Any:
    """Return the labels that a CSV file tells: JSON in later versions, words between bars in earlier ones."""
    try:
        return json.loads(text) if text[:1] in "[{n" else text.split("|")
    except ValueError:
        return text.split("|") if text else None


def tables(source: str, kind: Kind, key: str = "") -> Iterator[tuple[Tables, list[str]]]:
    """Give the rows of one kind as tables, a batch at a time, with the ids of the items that are hidden.

    Raises:
        UserError: as `rows`, or a row lacks an id.
    """
    given = rows(source, kind, key)
    none = pl.DataFrame(schema=EVENT_SCHEMA)
    while part := list(islice(given, BATCH)):
        if kind == "feedback":
            yield Tables(pl.DataFrame([event(row) for row in part], schema=EVENT_SCHEMA)), []
            continue
        name = "UserId" if kind == "users" else "ItemId"
        about = [{f"{kind[:-1]}_id": identity(row, name), **attributes(row)} for row in part]
        frame = framed(about)
        hidden = [str(row[name]) for row in part if row.get("IsHidden") in (True, "true")]
        yield Tables(none, users=frame) if kind == "users" else Tables(none, frame), hidden


def framed(about: list[dict[str, Any]]) -> pl.DataFrame:
    """Return attributes as columns, lists where one of them has a list."""
    names = list(dict.fromkeys(name for row in about for name in row))
    columns = []
    for name in names:
        values = [row.get(name) for row in about]
        kinds = {type(value) for value in values if value is not None}
        if list in kinds:
            values = [[value] if isinstance(value, str) else value for value in values]
        elif len(kinds) > 1 and kinds != {int, float}:
            values = [None if value is None else str(value) for value in values]
        columns.append(pl.Series(name, values, strict=False))
    return pl.DataFrame(columns)


def identity(row: Row, name: str) -> str:
    """Return an id of a row.

    Raises:
        UserError: there is none.
    """
    if not str(row.get(name) or ""):
        raise UserError(f"a row of the export has no {name}: {json.dumps(dict(row), default=str)[:100]}")
    return str(row[name])


def attributes(row: Row) -> dict[str, Any]:
    """Return what is said of a user or item: labels, categories, a comment as the title, a time as `published`."""
    said: dict[str, Any] = {}
    given = row.get("Labels")
    if isinstance(given, dict):
        said |= {str(name): plain(value) for name, value in given.items()}
    elif given:
        said["labels"] = plain(given)
    if row.get("Categories"):
        said["categories"] = [str(one) for one in row["Categories"]]
    if row.get("Comment"):
        said["title"] = str(row["Comment"])
    when = moment(row.get("Timestamp"))
    if when is not None:
        said["published"] = datetime.fromtimestamp(when / 1000, UTC).replace(tzinfo=None)
    return {name: value for name, value in said.items() if value is not None and name not in ("user_id", "item_id")}


def plain(value: Any) -> Any:
    """Return a label as an attribute: text, number, truth, an embedding or a list of texts; what is nested further as
    JSON."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case [float(), *each] if all(isinstance(one, int | float) for one in each):
            return [float(one) for one in value]
        case [*each]:
            return [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in each]
        case _:
            return json.dumps(value, ensure_ascii=False)


def event(row: Row) -> dict[str, Any]:
    """Return a feedback as an event: Gorse holds one of a type for a user and an item, and so is it named."""
    user, item, kind = identity(row, "UserId"), identity(row, "ItemId"), str(row.get("FeedbackType") or "interaction")
    value = row.get("Value")
    return {
        "event_id": json.dumps(["gorse", kind, user, item], ensure_ascii=False),
        "user_id": user, "item_id": item, "type": event_type(kind), "source": "gorse",
        "value": None if value in (None, "", 0, 0.0, "0") else float(value), "timestamp": moment(row.get("Timestamp")),
    }  # fmt: skip


def moment(text: object) -> int | None:
    """Return ms since 1970 of a time as Gorse writes it, None where there is none."""
    found = WHEN.match(str(text or ""))
    if found is None or found[1] == ZERO:
        return None
    day, clock, fraction, zone = found.groups()
    read = datetime.fromisoformat(f"{day}T{clock}{(fraction or '')[:7]}{zone if zone and zone != 'Z' else '+00:00'}")
    return int(read.timestamp() * 1000)
