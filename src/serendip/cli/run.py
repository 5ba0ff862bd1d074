"""`serendip run`: the main job, from files to every user's slate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from serendip.cli.options import (
    HERE,
    AlgorithmsOption,
    EncodingOption,
    ItemOption,
    ItemsOption,
    JsonOption,
    ProjectOption,
    ScaleOption,
    SeedOption,
    ThreadsOption,
    TimestampOption,
    TypeOption,
    UserOption,
    UsersOption,
    ValueOption,
    named,
    scale_of,
)
from serendip.plural import counted

if TYPE_CHECKING:
    from serendip.service.run import Ran


def command(
    files: Annotated[
        list[Path] | None, Argument(metavar="[FILE]...", help="Files of events; none: those of serendip.toml.")
    ] = None,
    items: ItemsOption = None,
    users: UsersOption = None,
    project: ProjectOption = HERE,
    user: UserOption = None,
    item: ItemOption = None,
    value: ValueOption = None,
    timestamp: TimestampOption = None,
    type_: TypeOption = None,
    scale: ScaleOption = None,
    encoding: EncodingOption = None,
    algorithms: AlgorithmsOption = None,
    threads: ThreadsOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    import sys

    from serendip.cli.progress import Bar
    from serendip.data.readers import Columns, Reading
    from serendip.models.contract import Run
    from serendip.service.run import run
    from serendip.store.project import Project

    def say(text: str) -> None:
        print(text, file=sys.stderr if json else sys.stdout, flush=True)

    columns = Columns(user=user, item=item, value=value, timestamp=timestamp, type=type_)
    reading = Reading(encoding=encoding, scale=scale_of(scale))
    with Bar() as bar:
        ran = run(
            Project(project), files or [], items=items, users=users, columns=columns, reading=reading,
            algorithms=named(algorithms), how=Run(threads=threads, seed=seed, progress=bar), say=say,
        )  # fmt: skip
    if json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(ran.plain()), indent=2).decode())
    else:
        show(ran, project)


def show(ran: "Ran", project: Path) -> None:
    """Print the leaderboard, some slates with reasons, and what to do next."""
    from serendip.cli.tables import leaderboard, slate

    print()
    if ran.compared is not None:
        leaderboard(ran.compared)
    if ran.note:
        print(f"Note: {ran.note}.")
    for one in ran.slates:
        print()
        slate(one)
    if ran.advice:
        print("\nThe data:")
        for sentence in ran.advice:
            print(f"- {sentence}")
    where = "" if project == HERE else f" --project {project}"
    first = ran.slates[0].user_id if ran.slates else "USER"
    with_slates = counted(ran.n_slates, "user has", "users have")
    print(f"\nModel {ran.version} is published; {with_slates} a slate in the recommendation table.")
    print("\nNext:")
    steps = (
        (f"serendip recommend {first}{where}", "a user's slate"),
        (f"serendip serve{where}", "answer over HTTP, with a page to look at"),
        (f"serendip generate --output slates.csv{where}", "every slate as a file"),
        (f"{project / 'serendip.toml'}", "what the project decides: objective, weights, items to leave out"),
        *zip(map(str, ran.reports), ("what the data is like", "the leaderboard with all its figures"), strict=False),
    )
    width = max(len(line) for line, _ in steps)
    for line, why in steps:
        print(f"  {line:<{width}}  {why}")
