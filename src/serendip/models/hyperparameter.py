"""A hyperparameter is declared once; help, docs, validation and the tuner's space all come from that."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from serendip.errors import UserError, nearest

T = TypeVar("T")


@dataclass(frozen=True)
class Hyperparameter:
    """What is known of one: its name, type, default, one sentence with the unit, bounds or choices."""

    name: str
    kind: type[Any]
    default: object
    doc: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[object, ...] | None = None
    of: type = str  # what a tuple holds
    optional: bool = False  # None is a value
    search: tuple[float, float] | None = None  # where tuning looks; None: around the default, within the bounds

    def check(self, value: object, owner: str) -> None:
        """Raise a UserError where the value is of another type or out of bounds."""
        where = f"{owner}.{self.name}"
        if self.choices is not None and value not in self.choices:
            raise UserError(f"{where} is one of {', '.join(map(str, self.choices))}, not {value!r}")
        if self.kind is tuple and not (isinstance(value, tuple) and all(isinstance(part, self.of) for part in value)):
            raise UserError(f"{where} is a tuple of {self.of.__name__}, not {value!r}")
        if self.kind in (int, float) and not (value is None and self.optional):
            number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
            if math.isnan(number):
                raise UserError(f"{where} is a number, not {value!r}")
            below, above = self.low is not None and number < self.low, self.high is not None and number > self.high
            if below or above:
                raise UserError(f"{where} lies from {self.low:g} to {self.high:g}, and {value} does not")

    def parse(self, text: object, owner: str) -> object:
        """Return the value that a text stands for.

        Raises:
            UserError: the text is no value of this type.
        """
        if self.kind is tuple and not isinstance(text, str):
            text = ",".join(map(str, text)) if isinstance(text, (list, tuple)) else str(text)
        if not isinstance(text, str):
            return text
        try:
            if self.kind is bool:
                return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
            if self.kind is int:
                return None if text.lower() == "none" and self.optional else int(text)
            if self.kind is float:
                return None if text.lower() == "none" and self.optional else float(text)
            if self.kind is tuple:
                parts = parted(text, ",")
                inside = parted(text[1:-1], ",") if len(parts) == 1 and text.startswith("(") else parts
                return tuple(self.of(part.strip()) for part in inside if part.strip())
        except (ValueError, KeyError):
            raise UserError(f"{owner}.{self.name} is of type {self.kind.__name__}, and {text!r} is not") from None
        return text


def parted(text: str, at: str) -> list[str]:
    """Return the parts of a text between separators that stand in no parentheses: `a:b=(c:d,e)` has two by `:`."""
    depth, parts = 0, [""]
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == at and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def hyper(
    default: T,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    log: bool = False,
    choices: tuple[object, ...] | None = None,
    search: tuple[float, float] | None = None,
) -> T:
    """Declare a hyperparameter: its default, one sentence that says what it is and its unit, and its bounds.

    search: where tuning looks, if that is not around the default (evaluation/space.py); equal ends: nowhere.
    """
    about = {"doc": doc, "low": low, "high": high, "log": log, "choices": choices, "search": search}
    declared: Any = dataclasses.field(default=default, metadata=about)
    return declared  # type: ignore[no-any-return]


def declared(owner: type) -> dict[str, Hyperparameter]:
    """Return the hyperparameters of an algorithm's class by name."""
    hints = get_type_hints(owner)
    found = {}
    for field in dataclasses.fields(owner):
        if "doc" not in field.metadata:
            continue
        hint = hints[field.name]
        inner = [kind for kind in get_args(hint) if kind is not type(None)]  # of `tuple[str, ...]`, of `float | None`
        kind = tuple if get_origin(hint) is tuple else inner[0] if inner else hint
        of = inner[0] if kind is tuple else str
        optional = type(None) in get_args(hint)
        found[field.name] = Hyperparameter(field.name, kind, field.default, **field.metadata, of=of, optional=optional)
    return found


def unknown(name: str, owner: str, known: list[str]) -> UserError:
    """Return the error for a hyperparameter that is not there."""
    return UserError(f"{owner} has no hyperparameter {name!r}{nearest(name, known)}")
