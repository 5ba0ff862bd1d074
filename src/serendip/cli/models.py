"""`serendip models`: the versions that there are; let one serve, go back to the one before, hold two side by side."""

from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, ProjectOption
from serendip.plural import counted

if TYPE_CHECKING:
    from serendip.service.answer import ModelVersion, SideBySide


def command(
    action: Annotated[str, Argument(help="list, promote VERSION, rollback, or compare VERSION VERSION.")] = "list",
    versions: Annotated[list[str] | None, Argument(help="Which versions.")] = None,
    judge: Annotated[
        bool, Option("--judge", help="compare: judge both algorithms on the data as it is now, paired by user.")
    ] = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    import msgspec

    from serendip.errors import UserError, nearest
    from serendip.service import models
    from serendip.service.publish import promote, rollback
    from serendip.store.project import Project

    place, named = Project(project), versions or []
    wanted = {"list": 0, "promote": 1, "rollback": 0, "compare": 2}
    if action not in wanted:
        raise UserError(f"models can list, promote, rollback or compare, not {action!r}{nearest(action, wanted)}")
    if len(named) != wanted[action]:
        raise UserError(
            f"models {action} takes {counted(wanted[action], 'version')}, not {len(named)}: see `serendip models`"
        )
    if action == "compare" and judge:
        found = models.judge(place, named[0], named[1])
        print(msgspec.json.encode(found.plain()).decode() if json else f"{named[1]}: {found.sentence()}.")
        return
    if action == "compare":
        side = models.compare(place, *named)
        print(msgspec.json.encode(side).decode()) if json else side_by_side(side)
        return
    if action == "promote":
        promote(place, named[0])
        said = f"Model {named[0]} is published; servers take it up within seconds."
    elif action == "rollback":
        old, new = rollback(place)
        said = f"Model {new} is published again in place of {old}; servers take it up within seconds."
    every = models.versions(place)
    if json:
        print(msgspec.json.encode(every).decode())
    elif action == "list":
        listed(every)
    else:
        print(said)


def listed(every: "list[ModelVersion]") -> None:
    """Print the versions, the newest first."""
    from serendip.cli.tables import console, table

    if not every:
        print("There is no model yet: make one with `serendip run FILE` or `serendip train ALGORITHM`.")
        return
    made = table(("", "left"), ("version", "left"), ("algorithm", "left"), ("metric", "left"), ("value", "right"),
                 ("95% interval", "right"), ("events", "right"), ("data", "left"), ("MB", "right"))  # fmt: skip
    for one in every:
        form = f" ({one.form})" if one.form else ""
        made.add_row(
            "*" if one.current else "", one.version, one.fault or f"{one.algorithm}{form}", one.metric or "-",
            number(one.value), interval(one.ci95), "-" if one.n_events is None else f"{one.n_events:,}", one.data[:8],
            f"{one.megabytes:,.1f}",
        )  # fmt: skip
    console().print(made)
    print("* serves")


def side_by_side(side: "SideBySide") -> None:
    """Print what two reports say."""
    from serendip.cli.tables import console, table

    made = table(("metric", "left"), (side.a.version, "right"), ("95%", "right"), (side.b.version, "right"),
                 ("95%", "right"))  # fmt: skip
    made.add_row("algorithm", side.a.algorithm, "", side.b.algorithm, "")
    for row in side.metrics:
        made.add_row(row.metric, number(row.a), interval(row.a_ci95), number(row.b), interval(row.b_ci95))
    console().print(made)
    if side.note:
        print(f"Note: {side.note}; with --judge both are judged on the same part, paired by user.")


def number(value: float | None) -> str:
    """Return a number as a cell."""
    return "-" if value is None else f"{value:.4f}"


def interval(ends: list[float | None] | None) -> str:
    """Return an interval as a cell."""
    return "-" if not ends or None in ends else f"{ends[0]:.4f}-{ends[1]:.4f}"
