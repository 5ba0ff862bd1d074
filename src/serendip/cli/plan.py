"""`serendip plan`: how much memory a fit will take and about how long, without fitting."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from serendip.cli.options import (
    ItemOption,
    ItemsOption,
    JsonOption,
    SeedOption,
    ThreadsOption,
    TimestampOption,
    TypeOption,
    UserOption,
    UsersOption,
    ValueOption,
)
from serendip.plural import counted


def command(
    file: Annotated[Path, Argument(help="A file of events.")],
    algorithm: Annotated[str, Option("--algorithm", help="Names separated by commas, as als,ease.")],
    set_: Annotated[
        list[str] | None, Option("--set", metavar="NAME.field=value", help="A hyperparameter; repeatable.")
    ] = None,
    items: ItemsOption = None,
    users: UsersOption = None,
    user: UserOption = None,
    item: ItemOption = None,
    value: ValueOption = None,
    timestamp: TimestampOption = None,
    type_: TypeOption = None,
    threads: ThreadsOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    from serendip.cli.progress import Bar
    from serendip.cli.tables import console, table
    from serendip.data.readers import Columns
    from serendip.models.contract import Run
    from serendip.service.evaluate import configured
    from serendip.service.plan import plan

    columns = Columns(user=user, item=item, value=value, timestamp=timestamp, type=type_)
    with Bar() as bar:
        run = Run(threads=threads, seed=seed, progress=bar)
        found = plan(file, configured(algorithm, set_ or []), items=items, users=users, columns=columns, run=run)
    if json:
        import msgspec

        print(msgspec.json.encode(found).decode())
        return
    print(f"{counted(found.n_events, 'event')} of {counted(found.n_users, 'user')} on "
          f"{counted(found.n_items, 'item')}, {counted(found.n_pairs, 'interaction')}; "
          f"read in {found.read_seconds:.1f} s")  # fmt: skip
    made = table(("algorithm", "left"), ("memory of the job", "right"), ("of it the fit", "right"), ("time", "right"))
    for one in found.estimates:
        if one.job_bytes is None or one.fit_bytes is None or one.fit_seconds is None:
            made.add_row(one.algorithm, "?", "?", "?")
            continue
        much = " (more than is free)" if one.job_bytes > found.free_bytes else ""
        made.add_row(one.algorithm, amount(one.job_bytes) + much, amount(one.fit_bytes), span(one.fit_seconds))
    console().print(made)
    print(*(f"Note: {note}." for note in found.notes), sep="\n", end="\n" if found.notes else "")


def amount(n: int) -> str:
    """Return bytes in words."""
    return f"{n / 1e9:,.1f} GB" if n >= 1e9 else f"{n / 1e6:,.0f} MB"


def span(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 1:
        return "under 1 s"
    return f"about {seconds:,.0f} s" if seconds < 120 else f"about {seconds / 60:,.0f} min"
