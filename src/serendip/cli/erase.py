"""`serendip erase`: forget a user."""

from typing import Annotated

from typer import Argument

from serendip.cli.options import HERE, JsonOption, ProjectOption


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
    print(
        f"{user} is erased: {done.events:,} events, the id in {len(done.models)} models and {len(done.files)} reports"
    )
