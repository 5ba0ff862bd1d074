"""`serendip restore`: a project as a backup has it."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, ProjectOption


def command(
    file: Annotated[Path, Argument(metavar="FILE", help="What `serendip backup` wrote.")],
    yes: Annotated[bool, Option("--yes", help="Replace the store that is there without asking.")] = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    import sys
    from dataclasses import asdict

    from serendip.cli.progress import Bar
    from serendip.errors import UserError
    from serendip.service.backup import restore
    from serendip.store.project import Project

    where = Project(project)
    if where.settings.exists() or where.database.exists():
        if not yes and not sys.stdin.isatty():
            raise UserError(f"{project} has a store already: with --yes it is replaced")
        if not yes and input(f"Replace the store of {project} by {file}? [y/N] ").strip().lower() not in ("y", "yes"):
            raise UserError("nothing was replaced")
    with Bar() as bar:
        done = restore(where, file, bar)
    if json:
        import msgspec

        print(msgspec.json.encode(asdict(done)).decode())
        return
    print(f"Restored as of {done.made}: {done}.")
