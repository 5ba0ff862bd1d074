"""`serendip backup`: a project in one file, while it is in use."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from serendip.cli.options import HERE, JsonOption, ProjectOption


def command(
    file: Annotated[Path, Argument(metavar="FILE", help="The file to write.")],
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    from dataclasses import asdict

    from serendip.cli.progress import Bar
    from serendip.service.backup import backup
    from serendip.store.project import Project

    with Bar() as bar:
        done = backup(Project(project), file, bar)
    if json:
        import msgspec

        print(msgspec.json.encode(asdict(done)).decode())
        return
    print(f"{file}: {done}; checked.")
