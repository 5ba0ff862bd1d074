"""`serendip rules`: business rules; what is put is at work in the next answer of every server of the project."""

import os
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, ProjectOption

if TYPE_CHECKING:
    from serendip.service.answer import RuleEntry


def command(
    action: Annotated[str, Argument(help="list, put NAME, remove NAME, or history.")] = "list",
    name: Annotated[str | None, Argument(help="The name of a rule.")] = None,
    kind: Annotated[
        str | None, Option("--kind", help="What it does: exclude, filter, include, boost, bury, cap or pin.")
    ] = None,
    when: Annotated[str | None, Option("--when", help="Which items, as 'price < 50 and \"jazz\" in genres'.")] = None,
    factor: Annotated[float | None, Option("--factor", help="What scores are multiplied by (boost, bury).")] = None,
    by: Annotated[str | None, Option("--by", help="The attribute whose values are counted (cap).")] = None,
    most: Annotated[int | None, Option("--most", help="How many of a value a slate holds (cap).")] = None,
    item: Annotated[str | None, Option("--item", help="The item that is pinned.")] = None,
    position: Annotated[int | None, Option("--position", help="Where it is pinned, from 1.")] = None,
    pipelines: Annotated[str | None, Option("--pipelines", help="Where it holds, separated by commas.")] = None,
    starts: Annotated[str | None, Option("--starts", help="When it begins, as 2026-01-31T18:00 (UTC).")] = None,
    ends: Annotated[str | None, Option("--ends", help="When it ends.")] = None,
    note: Annotated[str | None, Option("--note", help="Why, for whoever reads it later.")] = None,
    who: Annotated[str | None, Option("--who", help="Who says so; the user of the system where not given.")] = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    import msgspec

    from serendip.cli.options import named
    from serendip.errors import UserError, nearest
    from serendip.service import rules
    from serendip.service.settings import settings_of
    from serendip.service.surfaces import DEFAULT
    from serendip.store.project import Project

    actions = ("list", "put", "remove", "history")
    if action not in actions:
        raise UserError(f"rules can {', '.join(actions)}, not {action!r}{nearest(action, actions)}")
    if (name is None) == (action in ("put", "remove")):
        raise UserError(f"rules {action} takes {'the name of a rule' if name is None else 'no name'}")
    said = {"kind": kind, "when": when, "factor": factor, "by": by, "most": most, "item": item, "position": position,
            "pipelines": named(pipelines), "starts": starts, "ends": ends, "note": note}  # fmt: skip
    given = {field: value for field, value in said.items() if value is not None}
    if given and action != "put":
        raise UserError(f"rules {action} takes no --{next(iter(given))}")
    by_whom = who or os.environ.get("USER") or "command line"
    known = [DEFAULT, *settings_of(Project(project)).pipelines]
    with Project(project).store(create=False) as store:
        match action:
            case "put":
                found = [rules.put(store, name or "", given, by_whom, known)]
            case "remove":
                found = [rules.remove(store, name or "", by_whom)]
            case "history":
                found = rules.history(store)
            case _:
                found = rules.listed(store)
    if json:
        print(msgspec.json.encode(found).decode())
    elif not found:
        print('There is no rule yet: put one, as `serendip rules put NAME --kind exclude --when "price > 50"`.')
    else:
        listed(found)


def listed(found: "list[RuleEntry]") -> None:
    """Print lines of the book."""
    from datetime import UTC, datetime

    from serendip.cli.tables import console, table

    made = table(("version", "right"), ("when", "left"), ("who", "left"), ("rule", "left"), ("what", "left"),
                 ("holds", "left"))  # fmt: skip
    for one in found:
        when = f"{datetime.fromtimestamp(one.at / 1000, UTC):%Y-%m-%d %H:%M}"
        what = "removed" if one.rule is None else " ".join(
            [str(one.rule["kind"]), *(f"{key}={value}" for key, value in one.rule.items() if key != "kind")]
        )  # fmt: skip
        made.add_row(str(one.version), when, one.who, one.name, what, "yes" if one.holds else "no")
    console().print(made)
