"""A condition over the columns of a catalogue: checked against their kinds, then one mask for all items at once."""

from collections.abc import Mapping
from datetime import datetime
from functools import reduce

import numpy as np
import polars as pl

from serendip.arrays import Bool
from serendip.errors import UserError, nearest
from serendip.pipeline.expression import (
    And,
    Attribute,
    Compare,
    Condition,
    Has,
    In,
    Not,
    Or,
    Term,
    Value,
    Values,
    shortened,
)

ORDERED = ("number", "date")  # kinds that < and > compare


def kinds(frame: pl.DataFrame | None) -> dict[str, str]:
    """Return the kind of each attribute: number, boolean, list, date or text."""
    return {} if frame is None else {name: kind_of(dtype) for name, dtype in frame.schema.items()}


def kind_of(dtype: pl.DataType) -> str:
    """Return the kind of a column."""
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if isinstance(dtype, (pl.List, pl.Array)):
        return "list"
    return "date" if dtype.is_temporal() else "text"


def mask(condition: Condition, frame: pl.DataFrame | None, n_items: int) -> Bool:
    """Return which items fulfil a condition; what is not known is not fulfilled.  # (n_items,)

    Unknown values follow Kleene: unknown and false is false, unknown or true is true, not unknown is unknown.

    Raises:
        UserError: it names an attribute that there is not, or compares what cannot be compared.
    """
    if frame is None:
        frame = pl.DataFrame({})
    expression = Typed(kinds(frame)).condition(condition)
    plain = frame.rename({name: f"c{n}" for n, name in enumerate(frame.columns)})  # a name may read as a pattern
    rows = pl.DataFrame([pl.Series("", np.arange(len(frame) if frame.width else n_items)), *plain])
    found = rows.with_columns(expression.alias("mask"))["mask"].fill_null(False).to_numpy()[:n_items]
    out: Bool = np.zeros(n_items, np.bool_)
    out[: len(found)] = found
    return out


def names(condition: Condition) -> set[str]:
    """Return the attributes that a condition speaks of."""
    match condition:
        case Attribute(name):
            return {name}
        case Has(attribute):
            return {attribute.name}
        case Compare(_, left, right) | In(left, right):
            return {one.name for one in (left, right) if isinstance(one, Attribute)}
        case Not(one):
            return names(one)
        case And(parts) | Or(parts):
            return set().union(*map(names, parts))
    return set()


class Typed:
    """Turns a condition into an expression over columns of known kinds."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self.place = {name: f"c{n}" for n, name in enumerate(kinds)}

    def column(self, one: Attribute) -> pl.Expr:
        """Return the column of an attribute."""
        return pl.col(self.place[one.name])

    def condition(self, one: Condition) -> pl.Expr:
        """Return a condition as an expression that is true, false or null."""
        match one:
            case Value(value) if isinstance(value, bool):
                return pl.lit(value)
            case Attribute(name):
                if self.kind(one) != "boolean":
                    raise wrong(one, f"{name} is {self.said(one)} and no condition alone: compare it with something")
                return self.column(one)
            case Has(attribute):
                self.kind(attribute)
                return self.column(attribute).is_not_null()
            case Compare():
                return self.compare(one)
            case In():
                return self.inside(one)
            case Not(inner):
                return ~self.condition(inner)
            case And(parts):
                return reduce(pl.Expr.__and__, map(self.condition, parts))
            case Or(parts):
                return reduce(pl.Expr.__or__, map(self.condition, parts))
        raise wrong(one, f"{one} is no condition")

    def kind(self, term: Term) -> str:
        """Return the kind of a term: that of a column, or of a value."""
        if isinstance(term, Attribute):
            if term.name not in self.kinds:
                near = nearest(term.name, self.kinds)
                text = "" if near.startswith("; did") else f'; a text stands in quotes, as "{term.name}"'
                raise wrong(term, f"items have no attribute {term.name!r}{near}{text}")
            return self.kinds[term.name]
        if isinstance(term, Values):
            return "list"
        return "boolean" if isinstance(term.value, bool) else "number" if isinstance(term.value, float) else "text"

    def said(self, term: Term) -> str:
        """Return the kind of a term in words."""
        return {"number": "a number", "boolean": "true or false", "list": "a list", "date": "a date"}.get(
            self.kind(term), "a text"
        )

    def compare(self, one: Compare) -> pl.Expr:
        """Return a comparison of two terms of one kind."""
        a, b = self.kind(one.left), self.kind(one.right)
        kind = "date" if {a, b} == {"date", "text"} else a
        if (kind != "date" and a != b) or kind == "list":
            hint = ": membership is written in" if "list" in (a, b) else ""
            raise wrong(one, f"{one.left} is {self.said(one.left)} and {one.right} is {self.said(one.right)}, "
                        f"which {one.op} cannot compare{hint}")  # fmt: skip
        if one.op not in ("==", "!=") and kind not in ORDERED:
            raise wrong(one, f"{one.op} compares numbers and dates, and {one.left} is {self.said(one.left)}")
        left, right = (self.term(term, kind) for term in (one.left, one.right))
        match one.op:
            case "<":
                return left < right
            case "<=":
                return left <= right
            case ">":
                return left > right
            case ">=":
                return left >= right
            case "==":
                return left == right
        return left != right

    def inside(self, one: In) -> pl.Expr:
        """Return whether a term is in a list, or a text within a text."""
        left, right = self.kind(one.left), self.kind(one.right)
        if isinstance(one.right, Values):
            if left == "list":
                raise wrong(one, f"{one.left} is a list, and in asks for one value in it: write it the other way round")
            parts = [self.compare(Compare("==", one.left, value, one.at)) for value in one.right.values]
            return reduce(pl.Expr.__or__, parts) if parts else pl.lit(False)
        if left == "text" and right == "list" and isinstance(one.right, Attribute):
            return lowered_list(self.column(one.right)).list.contains(self.term(one.left, "text"))
        if left == "text" and right == "text":
            return self.term(one.right, "text").str.contains(self.term(one.left, "text"), literal=True)
        raise wrong(one, f"{one.left} is {self.said(one.left)} and cannot be in {one.right}, which is "
                    f"{self.said(one.right)}")  # fmt: skip

    def term(self, term: Term, kind: str) -> pl.Expr:
        """Return a term as an expression: texts without regard to case, dates as moments."""
        if isinstance(term, Attribute):
            column = self.column(term)
            if self.kinds[term.name] == "date":
                return column.cast(pl.Datetime("ms"))
            if kind == "date":
                return column.str.to_datetime(time_unit="ms", strict=False)
            return (
                column.str.to_lowercase() if kind == "text" else column.fill_nan(None) if kind == "number" else column
            )
        assert isinstance(term, Value)
        if kind == "date":
            return pl.lit(moment(term), pl.Datetime("ms"))
        return pl.lit(term.value.lower() if isinstance(term.value, str) else term.value)


def lowered_list(column: pl.Expr) -> pl.Expr:
    """Return a column of lists of texts in lower case."""
    return column.list.eval(pl.element().cast(pl.String).str.to_lowercase())


def moment(value: Value) -> datetime:
    """Return the date that a text names, as UTC without a zone."""
    try:
        found = datetime.fromisoformat(str(value.value))
        return found if found.tzinfo is None else (found - (found.utcoffset() or found - found)).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise wrong(value, f"{value} is no date: write it as 2026-01-31 or 2026-01-31T18:00") from None


def wrong(one: Condition | Term, what: str) -> UserError:
    """Return the error of a condition that cannot be, and where it begins, counted from 1."""
    return UserError(f"{shortened(what)}, at character {one.at + 1}" if len(what) < 200 else what)
