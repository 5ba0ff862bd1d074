"""`serendip reproduce`: run again what a run's directory records, and compare every number."""

from typing import Annotated

from typer import Argument

from serendip.cli.options import HERE, JsonOption, ProjectOption, ThreadsOption
from serendip.plural import counted

SHOWN = 20  # differences that are printed


def command(
    run: Annotated[str | None, Argument(help="A run of the project's by its name, as 20260101T120000000Z-0123abcd; or "
                   "the directory of one; the newest of the project where not given.")] = None,
    project: ProjectOption = HERE,
    threads: ThreadsOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    from serendip.cli.progress import Bar
    from serendip.errors import UserError
    from serendip.models.contract import Run
    from serendip.service.runs import find, reproduce
    from serendip.store.project import Project

    place = Project(project)
    directory = find(place, run)
    with Bar() as bar:
        found = reproduce(directory, place, run=Run(threads=threads, progress=bar))
    if json:
        import msgspec

        print(
            msgspec.json.format(
                msgspec.json.encode(found),
                indent=2,
            ).decode()
        )
    else:
        for name, (then, now) in found.versions.items():
            print(f"{name} was {then} and is {now} now.")
        for name, (was, is_) in list(found.different.items())[:SHOWN]:
            print(f"{name}: {was:.6g} then, {is_:.6g} now")
        more = len(found.different) - SHOWN
        same = f"{found.command}: {counted(found.same, 'number is', 'numbers are')} the same again."
        print(f"... and {more:,} more" if more > 0 else same)
    if found.different:
        of = found.same + len(found.different)
        raise UserError(f"{len(found.different):,} of {of:,} numbers of {directory} are not the same again")
