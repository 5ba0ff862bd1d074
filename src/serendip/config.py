"""`serendip.toml`: what a project decides, each setting declared once with its default and its meaning."""

import dataclasses
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from serendip.errors import UserError, nearest

T = TypeVar("T")
WORDS = {
    str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false", list: "a list",
    dict: "a table",
}  # fmt: skip


def setting(
    default: T, doc: str, *, low: float | None = None, high: float | None = None, among: tuple[str, ...] = ()
) -> T:
    """Declare a setting: its default, what it means in one sentence, and its bounds or what it is one of."""
    make: Any = {"default_factory": lambda: type(default)(default)} if isinstance(default, (list, dict)) else {
        "default": default
    }  # fmt: skip
    declared: Any = field(**make, metadata={"doc": doc, "low": low, "high": high, "among": among})
    return declared  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Objective:
    """What the recommendations are for, and how success is told."""

    goal: str = setting(
        "engagement",
        "What they are for: engagement, sales or satisfaction.",
        among=("engagement", "sales", "satisfaction"),
    )
    metric: str = setting("ndcg@10", "The primary metric: leaderboards sort by it and promotion needs it.")
    events: list[str] = setting([], "Types of event that count as success; none named: those of the goal.")


@dataclass(frozen=True)
class Data:
    """Which files are read, and how."""

    files: list[str] = setting([], "Files of events, read in this order.")
    items: str = setting("", "A file of items with attributes, if there is one; paths are from this folder.")
    users: str = setting("", "A file of users with attributes, if there is one.")
    columns: dict[str, str] = setting({}, "Which column is user, item, value, timestamp or type, where names mislead.")
    context: list[str] = setting(
        [], "Keys of the events' context that models may use, as device; the hour and the weekday are known anyway."
    )
    exclude_items: list[str] = setting([], "Ids of items that are never learned from nor recommended, such as postage.")
    exclude_attributes: list[str] = setting(
        [], "Attributes of users and items that no model learns from, such as an e-mail or a barcode."
    )


@dataclass(frozen=True)
class Storage:
    """Where events, users and items are kept."""

    url: str = setting(
        "", "Address of a PostgreSQL database, as postgresql://user@host/name; empty: a file in the project's folder."
    )


@dataclass(frozen=True)
class Interactions:
    """How events become the weights that models learn from."""

    weights: dict[str, float] = setting({}, "What an event of each type is worth, where it differs from the default.")
    rating_threshold: float = setting(0.0, "Ratings below it are no sign of interest; 0: half of the scale.")
    use_values: bool = setting(False, "Multiply an event's weight by its value (a quantity, seconds, a play count).")
    half_life: float = setting(0.0, "Days after which an event counts half; 0: no decay.", low=0)


@dataclass(frozen=True)
class Evaluation:
    """How models are judged."""

    split: str = setting(
        "time",
        "What is withheld: time, last-share, last-out, random, users or latest-users.",
        among=("time", "last-share", "last-out", "random", "users", "latest-users"),
    )
    share: float = setting(0.2, "The share of the events that is withheld.", low=0.001, high=0.999)
    metrics: list[str] = setting(
        ["ndcg@10", "recall@10", "hr@10", "map@10", "mrr@10", "precision@10", "coverage@10", "novelty@10"],
        "What the leaderboard shows.",
    )
    seed: int = setting(0, "Seed of all that is drawn at random.", low=0)


@dataclass(frozen=True)
class Training:
    """Which algorithms compete, and with which hyperparameters."""

    algorithms: list[str] = setting(
        ["popular", "trending", "itemknn", "userknn", "ease", "als", "content", "weighted", "switching", "svd"],
        "The portfolio that `run` trains; those that the data cannot feed are left out and named.",
    )
    hyperparameters: dict[str, dict[str, Any]] = setting({}, "By algorithm, what differs from the defaults.")
    keep: int = setting(10, "Models and runs that are kept, the newest and the one that serves; 0: all.", low=0)


@dataclass(frozen=True)
class Serving:
    """What the server does."""

    host: str = setting("127.0.0.1", "Address to listen on; without a key it is loopback only.")
    port: int = setting(8000, "Port to listen on.", low=1, high=65535)
    k: int = setting(10, "Items in a slate where the request does not say.", low=1, high=1000)
    static: list[str] = setting([], "Ids of items to show when everything else fails.")
    origins: list[str] = setting([], "Sites whose pages may use the API from a browser, as https://example.com.")
    log: str = setting(
        "faults", "What the log tells: every request in a line of JSON, or faults only.", among=("requests", "faults")
    )
    waiting: int = setting(
        64, "Requests that wait for a worker before any of them is turned away, by 503 with Retry-After.", low=1
    )
    impressions: bool = setting(True, "Record what each slate showed, so that events can be joined with it.")
    traces: str = setting("", "Address of an OpenTelemetry collector, as http://127.0.0.1:4318; empty: no traces.")


@dataclass(frozen=True)
class Cache:
    """Slates that are kept for who asks again."""

    slates: int = setting(10_000, "Slates that each worker keeps, about 3 kB each; 0: none.", low=0)
    seconds: float = setting(60.0, "Time after which a slate is made anew though nothing has changed.", low=0)
    users: int = setting(1000, "Of how many users, the most active of late, slates are made at the start.", low=0)
    url: str = setting("", "Redis that all workers share beside it, as redis://127.0.0.1:6379/0; empty: none.")


@dataclass(frozen=True)
class Onboarding:
    """The questions that a newcomer is asked."""

    questions: int = setting(10, "Questions at most; 0: none, and training does not prepare for any.", low=0, high=100)
    about: str = setting("items", "What is asked about: items, tags or both.", among=("items", "tags", "both"))
    worth: float = setting(
        0.05, "Stop where the best question brings less than this share of what the first one did.", low=0, high=1
    )


@dataclass(frozen=True)
class Schedule:
    """When `serendip schedule` trains anew, and what a new model must show."""

    every: str = setting("24h", "Train anew after this time, as 90s, 30m, 6h or 7d; empty: never on time alone.")
    events: int = setting(0, "Train anew after so many new events; 0: never on events alone.", low=0)
    algorithm: str = setting("", "The algorithm of the new model; empty: that of the model that serves.")
    tolerance: float = setting(
        0.05, "The share of the primary metric that a new model may lack at the worse end of the 95% interval.", low=0
    )
    lease: float = setting(300.0, "Seconds after which another scheduler takes the place of one that is silent.", low=1)


@dataclass(frozen=True)
class Stages:
    """What one named pipeline does, as [pipelines.home]."""

    retrieve: list[str] = setting(
        [],
        "Where candidates come from, as model:200, fallback:50, similar:50 or an algorithm: of the last model of it.",
    )
    rank: str = setting("", "The algorithm whose scores rank the candidates; empty: the model that serves.")
    where: str = setting("", "A condition that items fulfil, as price < 50.")
    seen: list[str] = setting(["any"], "Types of event after which an item is not shown again; any: all; none: [].")
    repeat_after: float = setting(0.0, "Days after which it may be shown again; 0: never.", low=0)
    rerank: list[str] = setting(
        [], "What re-orders the slate, one after the other, as mmr:relevance=0.7; mmr, dpp, calibration or explore."
    )
    taste: float = setting(
        0.3, "On an item's page, the share of the score that the viewer's history decides.", low=0, high=1
    )
    by: str = setting("", "The attribute whose values are an item's classes, as genres; empty: the first that fits.")


@dataclass(frozen=True)
class Settings:
    """All that `serendip.toml` holds."""

    objective: Objective = field(default_factory=Objective)
    data: Data = field(default_factory=Data)
    storage: Storage = field(default_factory=Storage)
    interactions: Interactions = field(default_factory=Interactions)
    evaluation: Evaluation = field(default_factory=Evaluation)
    training: Training = field(default_factory=Training)
    serving: Serving = field(default_factory=Serving)
    pipelines: dict[str, Stages] = field(default_factory=dict)
    cache: Cache = field(default_factory=Cache)
    onboarding: Onboarding = field(default_factory=Onboarding)
    schedule: Schedule = field(default_factory=Schedule)


def read(path: Path) -> Settings:
    """Return the settings of a file; what it does not name has its default.

    Raises:
        UserError: the file is no TOML, or names a setting that is not there or has another type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: save it as such") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML: {error}") from None
    return parse(table, str(path))


def parse(table: Mapping[str, Any], where: str) -> Settings:
    """Return the settings of nested plain data."""
    parts = get_type_hints(Settings)
    for name in table:
        if name not in parts:
            raise UserError(f"{where}: there is no section [{name}]{nearest(name, parts)}")
    return Settings(**{name: part(parts[name], table[name], where, name) for name in table})


def part(hint: Any, values: Any, where: str, name: str) -> Any:
    """Return a section, or the sections of a part that has one a name."""
    if get_origin(hint) is not dict:
        return section(hint, values, f"{where}: [{name}]")
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: [{name}] holds a section for each name, as [{name}.home]")
    return {one: section(get_args(hint)[1], given, f"{where}: [{name}.{one}]") for one, given in values.items()}


def sections() -> dict[str, Any]:
    """Return each section with its defaults, as a file may have it; NAME stands for a name of one's own."""
    hints = get_type_hints(Settings)
    named = {name: get_args(hint)[1] for name, hint in hints.items() if get_origin(hint) is dict}
    return {f"{name}.NAME" if name in named else name: named.get(name, hint)() for name, hint in hints.items()}


def section(owner: type[Any], values: object, where: str) -> Any:
    """Return one section."""
    if not isinstance(values, Mapping):
        raise UserError(f"{where} is a section, not a single value")
    known = {f.name: f for f in dataclasses.fields(owner)}
    hints, given = get_type_hints(owner), {}
    for name, value in values.items():
        if name not in known:
            raise UserError(f"{where} has no setting {name!r}{nearest(name, known)}")
        given[name] = fitting(value, hints[name], f"{where} {name}")
        check(given[name], known[name].metadata, f"{where} {name}")
    return owner(**given)


def fitting(value: Any, hint: Any, where: str) -> Any:
    """Return a value as its setting holds it: an id may be written as a number.

    Raises:
        UserError: it is of another type, or what it holds is.
    """
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is Any:
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number if kind is float else isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        raise UserError(f"{where} is {WORDS[kind]}, not {value!r}")
    if kind is list:
        return [str(one) if type(one) is int else fitting(one, parts[0], f"each of {where}") for one in value]
    if kind is dict:
        return {name: fitting(one, parts[1], f"{where} {name}") for name, one in value.items()}
    return float(value) if kind is float else value


def check(value: Any, declared: Mapping[str, Any], where: str) -> None:
    """Raise a UserError where a value is out of bounds or none of those that there are."""
    low, high, among = declared["low"], declared["high"], declared["among"]
    if among and value not in among:
        raise UserError(f"{where} is one of {', '.join(among)}, not {value!r}{hint(value, among)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where} is a finite number, not {value}")
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
        raise UserError(f"{where} is {bounds}, and {value:g} is not")


def hint(value: str, among: Iterable[str]) -> str:
    """Return the nearest of the words that have just been named, '' where none is near."""
    said = nearest(value, among)
    return said if said.startswith("; did") else ""


def write(settings: Settings) -> str:
    """Return the text of the file: every setting with its meaning as a comment; `read` of it gives the same."""
    lines = ["# What this project decides. Every setting is here with its value; delete a line to have its default."]
    for name, values in written(settings):
        lines += ["", f"[{name}]"]
        tables = []
        for one in dataclasses.fields(values):
            value = getattr(values, one.name)
            if isinstance(value, dict) and value:
                tables.append((one, value))
            else:
                lines += [f"# {one.metadata['doc']}", f"{one.name} = {toml(value)}"]
        for one, value in tables:
            lines += [f"# {one.metadata['doc']}", f"[{name}.{one.name}]"]
            lines += [f"{toml(str(key))} = {toml(entry)}" for key, entry in value.items()]
    return "\n".join(lines) + "\n"


def written(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Give the name and the values of each section that is written."""
    for one in dataclasses.fields(settings):
        values = getattr(settings, one.name)
        if isinstance(values, dict):
            yield from ((f"{one.name}.{toml(name)}", each) for name, each in values.items())
        else:
            yield one.name, values


def toml(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml(str(k))} = {toml(v)}" for k, v in value.items()) + "}"
    return repr(value)
