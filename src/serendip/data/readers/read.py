"""From blocks of text cells to events, items, users and the quarantine."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from serendip.data.readers import cells as read_cells
from serendip.data.readers import words
from serendip.data.readers.attributes import Attributes, typed
from serendip.data.readers.block import Block
from serendip.data.readers.columns import event_type
from serendip.data.readers.delimited import Delimited
from serendip.data.readers.eventid import Occurrences, event_ids
from serendip.data.readers.frame import Frame
from serendip.data.readers.frame import frame as as_frame
from serendip.data.readers.jsonl import JsonLines
from serendip.data.readers.parquet import Parquet
from serendip.data.readers.plan import QUARANTINE_SCHEMA, Batch, Column, Plan, Query
from serendip.data.readers.shop import RETURNS, is_return
from serendip.data.readers.source import Text
from serendip.data.readers.sql import Sql
from serendip.data.tables import EVENT_SCHEMA, no_items, no_users
from serendip.errors import UserError
from serendip.plural import counted

LARGEST = 1e12  # of a value: models keep it as float32, and square it
ROW_SHOWN = 400  # characters of a row that the quarantine keeps
YES = ("1", "1.0", "true", "t", "yes", "y", "like", "liked", "up", "+1", "thumbsup", "thumbs_up")
NO = ("0", "0.0", "-1", "-1.0", "false", "f", "no", "n", "dislike", "disliked", "down", "thumbsdown", "thumbs_down")
NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"  # of JSON


def read(plan: Plan) -> Iterator[Batch]:
    """Read the source of a plan, a block at a time, in its order.

    Of an events file the last batch carries the items and users that its rows spoke of, and the notes on the whole.
    Raises UserError where the source is gone or is not what the plan says.
    """
    return _Reader(plan).batches()


def _blocks(plan: Plan) -> Iterable[Block]:
    match plan.layout:
        case "sql":
            if not isinstance(plan.data, Query):
                raise UserError(f"{plan.source} is a query: give its SELECT again")
            return Sql(plan.data, plan)
        case "frame":
            if plan.data is None:
                raise UserError("the plan reads a data frame: give the frame again")
            return Frame(as_frame(plan.data), plan)
        case "parquet":
            return Parquet(Text(Path(plan.source)), plan)
        case "jsonl":
            return JsonLines(Text(Path(plan.source), plan.encoding), plan)
        case "delimited":
            return Delimited(Text(Path(plan.source), plan.encoding), plan)


class _Reader:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seen = Occurrences()
        self.latest = int((plan.reading.now or time.time()) * 1000) + read_cells.DAY
        self.unknown_types: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()
        self.recoded = 0
        item = [c for c in plan.columns if c.role in ("item attribute", "price")]
        user = plan.of("user attribute")
        self.items = Attributes("item_id", item, plan.decimal_comma)
        self.users = Attributes("user_id", user, plan.decimal_comma)
        self.context = plan.of("context") + plan.of("order")
        if plan.of("order") or plan.of("quantity"):
            self.context += plan.of("price")

    def batches(self) -> Iterator[Batch]:
        blocks = _blocks(self.plan)
        done = total = 0
        for block in blocks:
            self.recoded += block.recoded
            done, total = block.done, block.total
            yield self._events(block) if self.plan.table == "events" else self._attributes(block)
        items, users = no_items(), no_users()
        if self.plan.table == "events":
            items = self.items.frame() if self.items.columns else items
            users = self.users.frame() if self.users.columns else users
        none = QUARANTINE_SCHEMA.to_frame()
        yield Batch(EVENT_SCHEMA.to_frame(), items, users, none, 0, 0, 0, max(done, total), total, self._notes())

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self.recoded:
            rows = counted(self.recoded, "row was", "rows were")
            notes.append(f"{rows} not UTF-8; read as Windows-1252")
        form = next((c.kind for c in self.plan.of("timestamp")), "")
        if form and form != read_cells.EPOCH and form not in read_cells.ZONED:
            notes.append("timestamps without a zone were read as UTC")
        if self.unknown_types:
            names = ", ".join(name for name, _ in self.unknown_types.most_common(5))
            notes.append(f"event types kept as they are, because they are none of the known: {names}")
        for name, n in self.unread.items():
            notes.append(f"{counted(n, 'cell')} of {name} could not be read: taken as missing")
        return tuple(notes)

    # events

    def _events(self, block: Block) -> Batch:
        plan, cells = self.plan, block.cells
        user, item = plan.name("user") or "", plan.name("item") or ""
        frame = pl.DataFrame({"user_id": read_cells.ids(cells[user]), "item_id": read_cells.ids(cells[item])})
        own = [(role, name) for role in ("event_id", "impression_id", "source") if (name := plan.name(role))]
        frame = frame.with_columns(read_cells.clean_series(cells[name]).alias(role) for role, name in own)
        frame = frame.with_columns(self._type(cells), *self._number(cells), self._timestamp(cells))
        frame = frame.with_columns(cells[n].alias("\0order") for n in [plan.name("order")] if n)
        reasons = [
            (pl.col("user_id").is_null(), "no user id"),
            (pl.col("item_id").is_null(), "no item id"),
            *self._value_reasons(),
        ]
        if stamp := plan.name("timestamp"):
            raw = read_cells.clean_series(cells[stamp])
            frame = frame.with_columns((raw.is_null()).alias("\0no_time"))
            reasons += [
                (pl.col("\0no_time"), "no timestamp"),
                (pl.col("timestamp").is_null(), "timestamp cannot be read"),
                (pl.col("timestamp") > self.latest, "timestamp lies in the future"),
            ]
        reason = pl.coalesce(*(pl.when(test).then(pl.lit(words_)) for test, words_ in reasons))
        frame = frame.with_columns(reason.alias("\0reason"))
        frame = self._meaning(frame)
        if "event_id" not in frame.columns:
            frame = frame.with_columns(event_ids(_hashed(block), self.seen))
        else:
            hashed = event_ids(_hashed(block), self.seen)
            frame = frame.with_columns(pl.coalesce("event_id", hashed).alias("event_id"))
        frame = frame.with_columns(self._context(block))
        self._collect(frame, cells)
        good = frame["\0reason"].is_null()
        kept = frame if good.all() else frame.filter(good)
        events = kept.select(
            (pl.col(n) if n in kept.columns else pl.lit(None)).cast(dtype).alias(n) for n, dtype in EVENT_SCHEMA.items()
        )
        self._count_types(events)
        bad = self._quarantine(block, frame["\0reason"])
        rows = cells.height + len(block.rejects)
        return Batch(events, no_items(), no_users(), bad, rows, events.height, block.skipped, block.done, block.total)

    def _type(self, cells: pl.DataFrame) -> pl.Series:
        name = self.plan.name("type")
        if name is None:
            return pl.repeat(self.plan.default_type, cells.height, dtype=pl.String, eager=True).alias("type")
        raw = read_cells.clean_series(cells[name])
        kinds = raw.unique().drop_nulls()
        meant = {k: event_type(k) for k in kinds}
        return raw.replace(meant).fill_null(self.plan.default_type).alias("type")

    def _number(self, cells: pl.DataFrame) -> list[pl.Series]:
        """Return the value as a number, and the text of the cell it stood in."""
        name = self.plan.name("value") or self.plan.name("quantity")
        if name is None:
            return [pl.repeat(None, cells.height, dtype=pl.Float64, eager=True).alias("value")]
        number = cells.select(read_cells.numbers(pl.col(name), self.plan.decimal_comma).alias("value")).to_series()
        return [number, cells[name].str.strip_chars().alias("\0value")]

    def _timestamp(self, cells: pl.DataFrame) -> pl.Series:
        found = self.plan.of("timestamp")
        if not found:
            return pl.repeat(None, cells.height, dtype=pl.Int64, eager=True).alias("timestamp")
        raw = read_cells.clean_series(cells[found[0].name])
        return read_cells.timestamps(raw, found[0].kind or read_cells.EPOCH).alias("timestamp")

    def _value_reasons(self) -> list[tuple[pl.Expr, str]]:
        plan = self.plan
        column = next(iter(plan.of("value") + plan.of("quantity")), None)
        if column is None:
            return []
        word = column.kind if column.kind in ("rating", "quantity") else "value"
        cell, value = pl.col("\0value"), pl.col("value")
        typed_rows = plan.name("type") is not None
        missing = cell.is_null() | cell.is_in([m for m in read_cells.MISSING if m.lower() != "nan"])
        if column.kind == "like":
            known = cell.str.to_lowercase().is_in(YES + NO)
            return [(missing, "no value"), (known.not_().fill_null(True), "value is neither yes nor no")]
        rated = pl.col("type") == "rating"
        reasons = [
            (missing & rated if typed_rows else missing, f"no {word}"),
            (value.is_null() & missing.not_(), f"{word} cannot be read as a number"),
            (value.is_finite().not_(), f"{word} is NaN or infinite"),
            (value.abs() > LARGEST, f"{word} is beyond {LARGEST:.0e}"),
        ]
        if plan.scale:
            low, high = plan.scale
            outside = (value < low) | (value > high)
            outside = outside & pl.col("type").is_in(["rating", "review"]) if typed_rows else outside
            reasons.append((outside, f"rating outside the scale {low:g} to {high:g}"))
        if column.kind == "quantity":
            reasons.append((value == 0, "quantity is zero"))
        if column.kind == "seconds":
            reasons.append((value < 0, "time spent is below zero"))
        return reasons

    def _meaning(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Settle what a like and an order line are."""
        plan = self.plan
        column = next(iter(plan.of("value") + plan.of("quantity")), None)
        if column is None:
            return frame
        if column.kind == "like":
            turned = words.plain(column.name).startswith("dislike")
            yes = pl.col("\0value").str.to_lowercase().is_in(YES)
            kind = pl.when(yes != turned).then(pl.lit("like")).otherwise(pl.lit("dislike"))
            return frame.with_columns(kind.alias("type"), pl.lit(None, pl.Float64).alias("value"))
        if column.kind != "quantity":
            return frame
        credit = any(c.kind == RETURNS for c in plan.of("order")) and plan.name("type") is None
        back = is_return(pl.col("\0order") if credit else None, pl.col("value")) & pl.col("type").is_in(
            ["purchase", "return"]
        )
        kind = pl.when(back).then(pl.lit("return")).otherwise(pl.col("type"))
        return frame.with_columns(kind.alias("type"), pl.col("value").abs().alias("value"))

    def _context(self, block: Block) -> pl.Series:
        """Write the other columns as a JSON object a row; null where all of them are missing."""
        parts = [_json(block.cells[c.name], c).alias(str(i)) for i, c in enumerate(self.context)]
        if block.extra is not None:
            parts.append(block.extra.str.slice(1, block.extra.str.len_chars() - 2).replace({"": None}).alias("extra"))
        if not parts:
            return pl.repeat(None, block.cells.height, dtype=pl.String, eager=True).alias("context")
        inner = pl.concat_str(pl.all(), separator=",", ignore_nulls=True)
        whole = pl.when(inner != "").then(pl.concat_str(pl.lit("{"), inner, pl.lit("}")))
        return pl.DataFrame(parts).select(whole.alias("context")).to_series()

    def _collect(self, frame: pl.DataFrame, cells: pl.DataFrame) -> None:
        """Remember the attributes of the items and users in these rows, of rows without a user too."""
        if self.items.columns:
            sold = None
            if price := self.plan.name("price"):
                order = self.plan.name("order")
                good = read_cells.prices(pl.col(price), self.plan.decimal_comma) > 0
                if quantity := self.plan.name("quantity"):
                    good &= read_cells.numbers(pl.col(quantity), self.plan.decimal_comma) > 0
                named = pl.col(order) if order else pl.int_range(pl.len()).cast(pl.String)
                sold = cells.select(pl.when(good).then(named).alias("sold")).to_series()
            self.items.add(frame["item_id"], cells, sold)
        if self.users.columns:
            self.users.add(frame["user_id"], cells, None)

    def _count_types(self, events: pl.DataFrame) -> None:
        if self.plan.name("type") is None:
            return
        for name, n in events["type"].value_counts().iter_rows():
            if name not in words.TYPES:
                self.unknown_types[name] += n

    # items and users

    def _attributes(self, block: Block) -> Batch:
        plan, key = self.plan, f"{self.plan.table[:-1]}_id"
        columns = plan.of(f"{plan.table[:-1]} attribute")
        ids = read_cells.ids(block.cells[plan.name(plan.table[:-1]) or ""]).alias(key)
        about = block.cells.select(typed(c, plan.decimal_comma).alias(c.to) for c in columns)
        frame = pl.DataFrame([ids, *about])
        for c in columns:
            if c.kind.startswith(("number", "date", "vector")):
                had = read_cells.clean_series(block.cells[c.name]).is_not_null()
                if n := int((had & frame[c.to].is_null()).sum()):
                    self.unread[c.name] += n
        reason = frame.select(pl.when(pl.col(key).is_null()).then(pl.lit(f"no {plan.table[:-1]} id"))).to_series()
        bad = self._quarantine(block, reason)
        good = frame.filter(reason.is_null())
        rows = block.cells.height + len(block.rejects)
        once = good.unique(key, keep="last", maintain_order=True)
        items, users = (once, no_users()) if plan.table == "items" else (no_items(), once)
        none = EVENT_SCHEMA.to_frame()
        return Batch(none, items, users, bad, rows, good.height, block.skipped, block.done, block.total)

    def _quarantine(self, block: Block, reason: pl.Series) -> pl.DataFrame:
        shown = self.plan.separator if self.plan.layout == "delimited" else ","
        at = reason.is_not_null().arg_true()
        some = block.cells[at]
        row = some.select(pl.concat_str(pl.all().fill_null(""), separator=shown).str.slice(0, ROW_SHOWN).alias("row"))
        bad = row.select(
            pl.lit(self.plan.source).alias("file"),
            block.line[at].alias("line"),
            reason[at].alias("reason"),
            pl.col("row"),
        )
        if block.rejects:
            lost = [(self.plan.source, r.line, r.reason, r.row[:ROW_SHOWN]) for r in block.rejects]
            bad = pl.concat([bad, pl.DataFrame(lost, schema=QUARANTINE_SCHEMA, orient="row")]).sort("line")
        return bad.cast(dict(QUARANTINE_SCHEMA.items()))


def _hashed(block: Block) -> pl.DataFrame:
    """Return the cells that make up a row's identity, with fields beyond the plan's columns in the last one."""
    if block.extra is None:
        return block.cells
    last = block.cells.columns[-1]
    return block.cells.with_columns(pl.concat_str(pl.col(last), block.extra, ignore_nulls=True).alias(last))


def _json(cells: pl.Series, column: Column) -> pl.Series:
    """Return `"name":value` a row, null where the cell is missing; a number stays as it was written."""
    name = column.to or column.name
    frame = pl.DataFrame({name: read_cells.clean_series(cells)})
    text = pl.struct(name).struct.json_encode()
    text = text.str.slice(1, text.str.len_chars() - 2)
    cell = pl.col(name)
    if column.kind == "number":
        text = (
            pl.when(cell.str.contains(NUMBER))
            .then(pl.lit(json.dumps(name, ensure_ascii=False) + ":") + cell)
            .otherwise(text)
        )
    return frame.select(pl.when(cell.is_not_null()).then(text)).to_series()
