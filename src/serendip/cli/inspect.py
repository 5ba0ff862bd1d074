"""`serendip inspect`: report what the data is like, and what is wrong with it."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def command(
    files: Annotated[list[Path] | None, Argument(metavar="[FILE]...", help="Files of events, items or users, looked at "
                                                 "as they are; none: what the project's store holds.")] = None,
    items: Annotated[Path | None, Option(help="A file of items with attributes.")] = None,
    users: Annotated[Path | None, Option(help="A file of users with attributes.")] = None,
    project: Annotated[Path, Option(help="The project's directory, where no file is named.")] = Path("."),
    user: Annotated[str | None, Option(help="Column of the user, where the name misleads.")] = None,
    item: Annotated[str | None, Option(help="Column of the item.")] = None,
    value: Annotated[str | None, Option(help="Column of the rating, quantity or other value.")] = None,
    timestamp: Annotated[str | None, Option(help="Column of the time.")] = None,
    type_: Annotated[str | None, Option("--type", help="Column of the type of event.")] = None,
    html: Annotated[Path | None, Option(help="Write the report as one page with charts to this file.")] = None,
    json: Annotated[bool, Option("--json", help="Answer in JSON.")] = False,
) -> None:  # fmt: skip
    import sys

    from serendip.cli.progress import Bar
    from serendip.data.readers import Columns
    from serendip.errors import UserError
    from serendip.service.inspect import of_files, of_project, page, show
    from serendip.store.project import Project

    if files:
        columns = Columns(user=user, item=item, value=value, timestamp=timestamp, type=type_)
        with Bar() as bar:
            report, read = of_files(files, items, users, columns=columns, progress=bar)
        for one in read:
            print(one.plan, *(f"  {note}" for note in one.notes), sep="\n", end="\n\n", file=sys.stderr)
    elif items or users:
        raise UserError("--items and --users go with a file of events: name it, as in serendip inspect FILE --items F")
    else:
        report = of_project(Project(project))
    if html is not None:
        html.write_text(page(report), encoding="utf-8")
    if json:
        print(report.as_json())
        return
    show(report)
    if html is not None:
        print(f"\nThe page is in {html}")
