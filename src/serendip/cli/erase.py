"""`serendip erase`: forget a user."""

from typing import Annotated

from typer import Argument

from serendip.cli.options import HERE, JsonOption, ProjectOption
from serendip.plural import counted


def command(
    user: Annotated[str, Argument(metavar="USER", help="The user's id.")],
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    from dataclasses import asdict

    from serendip.service.erase import erase
    from serendip.store.project import Project

    where = Project(project)
    with where.store(create=False) as store:
        done = erase(where, store, user)
    if json:
        import msgspec

        print(msgspec.json.encode(asdict(done)).decode())
        return
    models, reports = counted(len(done.models), "model"), counted(len(done.files), "report")
    print(f"{user} is erased: {counted(done.events, 'event')}, the id in {models} and {reports}; "
          "backups that were made before hold it still")  # fmt: skip
