"""`serendip ingest`: read files into the project's store."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from serendip.cli.options import (
    HERE,
    EncodingOption,
    ItemOption,
    JsonOption,
    ProjectOption,
    ScaleOption,
    TimestampOption,
    TypeOption,
    UserOption,
    ValueOption,
    scale_of,
)
from serendip.plural import counted


def command(
    files: Annotated[list[str] | None, Argument(metavar="FILE...", help="CSV, TSV, JSON Lines or Parquet (plain, .gz, "
                     ".zst), of events, items or users; or sqlite:///file.db with --query.")] = None,
    query: Annotated[str | None, Option(help="A SELECT, where the source is a database.")] = None,
    table: Annotated[str | None, Option(help="What the files are: events, items or users; told by their columns "
                     "where not given.")] = None,
    project: ProjectOption = HERE,
    user: UserOption = None,
    item: ItemOption = None,
    value: ValueOption = None,
    timestamp: TimestampOption = None,
    type_: TypeOption = None,
    scale: ScaleOption = None,
    encoding: EncodingOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    from typing import cast

    from serendip.cli.progress import Bar
    from serendip.data.readers import Columns, Query, Reading, recognise
    from serendip.data.readers.plan import Table
    from serendip.errors import UserError, nearest
    from serendip.service.ingest import ingest_one
    from serendip.service.run import told
    from serendip.store.project import Project

    tables = ("events", "items", "users")
    if table is not None and table not in tables:
        raise UserError(f"--table is one of {', '.join(tables)}, not {table!r}{nearest(table, tables)}")
    if not files:
        raise UserError("name a file: serendip ingest FILE.csv")
    if query is not None and len(files) != 1:
        raise UserError("--query goes with one database: serendip ingest sqlite:///file.db --query 'SELECT ...'")
    sources = [Query(query, files[0])] if query is not None else [f if "://" in f else Path(f) for f in files]
    columns = Columns(user=user, item=item, value=value, timestamp=timestamp, type=type_)
    reading = Reading(table=cast(Table | None, table), encoding=encoding, scale=scale_of(scale))
    plans = [recognise(source, columns, reading) for source in sources]  # before anything is made
    with Project(project).store() as store, Bar() as bar:
        done = [ingest_one(store, source, plan, bar) for source, plan in zip(sources, plans, strict=True)]
        counts = store.counts()
    if json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode([one.plain() for one in done]), indent=2).decode())
        return
    for one in done:
        print(told(one), end="\n\n")
    print(f"The store holds {counted(counts.events, 'event')} of {counted(counts.users, 'user')} and "
          f"{counted(counts.items, 'item')}; "
          f"{counted(counts.quarantined, 'row is', 'rows are')} in quarantine.")  # fmt: skip
