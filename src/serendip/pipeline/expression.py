"""The language of rules: `price < 50 and "jazz" in genres and not adult`, read into a frozen tree and written back.

    condition  = all { "or" all }            all = one { "and" one }          one = "not" one | "(" condition ")" | test
    test       = term [ comparison term ]    comparison = < <= > >= == != | in | not in
    term       = name | `any name` | 12.5 | "text" | 'text' | true | false | [ value, ... ] | has(name)

A condition that was written and read again is the same. Nothing of it is ever executed as Python.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from serendip.errors import UserError

LONGEST, DEEPEST = 4000, 40  # characters of a condition, conditions within conditions
COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
WORDS = ("and", "or", "not", "in", "true", "false", "has")
TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.])
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<quoted>`[^`]+`)
      | (?P<name>[^\W\d]\w*)
      | (?P<sign><=|>=|==|!=|[<>()\[\],])""",
    re.VERBOSE | re.DOTALL,
)
PLAIN = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Value:
    """A number, a text, true or false."""

    value: float | str | bool
    at: int = field(default=0, compare=False)

    def __eq__(self, other: object) -> bool:  # true is not 1
        return isinstance(other, Value) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))

    def __str__(self) -> str:
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if isinstance(self.value, float):
            return repr(self.value)
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'


@dataclass(frozen=True)
class Values:
    """A list of values."""

    values: tuple[Value, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.values))}]"


@dataclass(frozen=True)
class Attribute:
    """What an item has under a name."""

    name: str
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.name if PLAIN.fullmatch(self.name) and self.name not in WORDS else f"`{self.name}`"


@dataclass(frozen=True)
class Has:
    """Whether anything is known of an attribute."""

    attribute: Attribute
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"has({self.attribute})"


Term: TypeAlias = Value | Values | Attribute


@dataclass(frozen=True)
class Compare:
    """left op right, op out of < <= > >= == !=."""

    op: str
    left: Term
    right: Term
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.left} {self.op} {self.right}"


@dataclass(frozen=True)
class In:
    """Whether the left is one of the right, or, of two texts, a part of it."""

    left: Term
    right: Term
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.left} in {self.right}"


@dataclass(frozen=True)
class Not:
    """The contrary."""

    one: "Condition"
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"not {inner(self.one)}"


@dataclass(frozen=True)
class And:
    """All of several."""

    parts: tuple["Condition", ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return " and ".join(map(inner, self.parts))


@dataclass(frozen=True)
class Or:
    """Any of several."""

    parts: tuple["Condition", ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return " or ".join(map(inner, self.parts))


Condition: TypeAlias = Value | Attribute | Has | Compare | In | Not | And | Or


def inner(one: Condition) -> str:
    """Return a condition within another, in parentheses where it needs them."""
    return f"({one})" if isinstance(one, (And, Or)) else str(one)


class Token(NamedTuple):
    """A word of the language and where it begins."""

    kind: str
    text: str
    at: int


def wrong(text: str, at: int, what: str) -> UserError:
    """Return the error of a condition: what is wrong, and where, counted from 1."""
    return UserError(f"{what}, at character {at + 1} of {shortened(text)!r}")


def shortened(text: str) -> str:
    """Return a text that fits into a sentence."""
    return text if len(text) <= 120 else text[:119] + "…"


def tokens(text: str) -> Iterator[Token]:
    """Give the words of a condition.

    Raises:
        UserError: a character cannot be there.
    """
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            if text[at] in "\"'`":
                raise wrong(text, at, f"the {text[at]} has no other end")
            hint = "; equality is written ==" if text[at] == "=" else ""
            raise wrong(text, at, f"{text[at]!r} cannot stand here{hint}")
        kind = found.lastgroup or ""
        word = found[0]
        if kind == "name" and word in WORDS:
            kind = "word"
        if kind != "space":
            yield Token(kind, word, at)
        at = found.end()
    yield Token("end", "", at)


def parse(text: str) -> Condition:
    """Return the condition that a text says.

    Raises:
        UserError: it says none; the sentence names the character at which it goes wrong.
    """
    if len(text) > LONGEST:
        raise UserError(f"a condition has at most {LONGEST} characters, not {len(text)}")
    if not text.strip():
        raise UserError("the condition is empty: write one such as price < 50")
    return Parser(text).whole()


class Parser:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(tokens(text))
        self.n = self.depth = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.n]

    def take(self, *texts: str) -> Token | None:
        """Take the next word where it is one of these."""
        token = self.now
        if token.kind in ("word", "sign") and token.text in texts:
            self.n += 1
            return token
        return None

    def need(self, text: str, after: str) -> None:
        """Take a word that has to come."""
        if self.take(text) is None:
            raise wrong(self.text, self.now.at, f"{text} is missing after {after}")

    def whole(self) -> Condition:
        found = self.any()
        if self.now.kind != "end":
            raise wrong(self.text, self.now.at, f"{self.now.text!r} is not expected: join conditions by and, or")
        return found

    def any(self) -> Condition:
        self.depth += 1
        if self.depth > DEEPEST:
            raise wrong(self.text, self.now.at, f"conditions stand within conditions more than {DEEPEST} deep")
        at, parts = self.now.at, [self.all()]
        while self.take("or"):
            parts.append(self.all())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Or(tuple(parts), at)

    def all(self) -> Condition:
        at, parts = self.now.at, [self.one()]
        while self.take("and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else And(tuple(parts), at)

    def one(self) -> Condition:
        if token := self.take("not"):
            self.depth += 1
            if self.depth > DEEPEST:
                raise wrong(self.text, token.at, f"conditions stand within conditions more than {DEEPEST} deep")
            found = Not(self.one(), token.at)
            self.depth -= 1
            return found
        if self.take("("):
            inside = self.any()
            self.need(")", "the condition in parentheses")
            return inside
        return self.test()

    def test(self) -> Condition:
        if token := self.take("has"):
            self.need("(", "has")
            named = self.term()
            if not isinstance(named, Attribute):
                raise wrong(self.text, named.at, "has( ) takes the name of an attribute")
            self.need(")", "the name")
            return Has(named, token.at)
        left = self.term()
        if token := self.take(*COMPARISONS):
            return Compare(token.text, left, self.term(), left.at)
        if self.take("in"):
            return In(left, self.term(), left.at)
        if token := self.take("not"):
            self.need("in", "not")
            return Not(In(left, self.term(), left.at), left.at)
        if isinstance(left, Attribute) or (isinstance(left, Value) and isinstance(left.value, bool)):
            return left
        raise wrong(self.text, left.at, f"{left} alone is no condition: compare it with something")

    def term(self) -> Term:
        if token := self.take("["):
            values: list[Value] = []
            while not self.take("]"):
                if values:
                    self.need(",", "a value of the list")
                one = self.term()
                if not isinstance(one, Value):
                    raise wrong(self.text, one.at, "a list holds numbers and texts alone")
                values.append(one)
            return Values(tuple(values), token.at)
        token = self.now
        self.n += 1
        match token.kind:
            case "number":
                number = float(token.text)
                if not math.isfinite(number):
                    raise wrong(self.text, token.at, f"{token.text} is too large a number")
                return Value(number, token.at)
            case "text":
                return Value(re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL), token.at)
            case "name":
                return Attribute(token.text, token.at)
            case "quoted":
                return Attribute(token.text[1:-1], token.at)
            case "word" if token.text in ("true", "false"):
                return Value(token.text == "true", token.at)
        self.n -= 1
        said = "the condition ends" if token.kind == "end" else f"{token.text!r} stands"
        raise wrong(self.text, token.at, f"{said} where an attribute or a value is missing")
