"""`serendip import`: take over what another system holds."""

from typing import Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, ProjectOption
from serendip.plural import counted


def command(
    system: Annotated[str, Argument(help="Which one: gorse.")],
    source: Annotated[str, Argument(metavar="FOLDER_OR_URL", help="The folder of its export (users, items and feedback "
                      "as .csv or .jsonl), or the address of one that runs.")],
    key: Annotated[str, Option(help="The key of its API, where it has one.", envvar="GORSE_API_KEY")] = "",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:  # fmt: skip
    from serendip.cli.progress import Bar
    from serendip.errors import UserError, nearest
    from serendip.service.gorse import take_over
    from serendip.store.project import Project

    if system != "gorse":
        raise UserError(f"there is no import from {system!r}{nearest(system, ['gorse'])}")
    with Project(project).store() as store, Bar() as bar:
        done = take_over(store, source, key, bar)
    if json:
        import msgspec

        print(msgspec.json.encode(done).decode())
        return
    print(f"{counted(done.users, 'user')}, {counted(done.items, 'item')} ({done.hidden:,} hidden) and "
          f"{counted(done.feedback, 'feedback')} read")  # fmt: skip
    print(f"{counted(done.new, 'event is', 'events are')} new.\nNext: serendip inspect, serendip train als")
