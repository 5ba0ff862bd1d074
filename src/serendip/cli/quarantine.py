"""`serendip quarantine`: the rows that were put aside."""

from typing import Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, ProjectOption
from serendip.plural import counted


def command(
    file: Annotated[
        str | None, Argument(help="A file, as it was named when it was read; every one if not given.")
    ] = None,
    clear: Annotated[bool, Option("--clear", help="Forget these rows; what was loaded stays.")] = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    import msgspec
    from rich.text import Text

    from serendip.cli.tables import console, shown, table
    from serendip.service.quarantine import aside, forget
    from serendip.store.project import Project

    with Project(project).store(create=False) as store:
        if clear:
            gone = forget(store, file)
            print(msgspec.json.encode({"forgotten": gone}).decode() if json else f"{counted(gone, 'row')} forgotten.")
            return
        found = aside(store, file)
    if json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    if not found:
        print("No row is in quarantine.")
        return
    made = table(("file", "left"), ("rows", "right"), ("why", "left"), ("line", "right"), ("the first of them", "left"))
    for one in found:
        first = one.file, f"{one.count:,}", one.reason
        for line, row in zip(one.lines, one.rows, strict=True):
            made.add_row(*(Text(shown(cell)) for cell in first), f"{line:,}", Text(shown(row)[:80]))
            first = "", "", ""
    console().print(made)
    print("Mend them at the source and ingest the file again, or forget them: serendip quarantine FILE --clear")
