"""`serendip generate`: every user's slate into the recommendation table, or to a file."""

from pathlib import Path
from typing import Annotated

from typer import Option

from serendip.cli.options import HERE, ContextOption, JsonOption, KOption, PipelineOption, ProjectOption
from serendip.plural import counted


def command(
    k: KOption = 10,
    output: Annotated[Path | None, Option(help="Write them to this file too: .csv, .parquet or .jsonl.")] = None,
    pipeline: PipelineOption = "default",
    context: ContextOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    from serendip.cli.options import pair_of
    from serendip.cli.progress import Bar
    from serendip.service.generate import export, generate, writer
    from serendip.service.open import opened
    from serendip.service.settings import learned, settings_of
    from serendip.store.project import Project

    if output is not None:
        writer(output)  # a wrong ending is said before the work
    told = dict(pair_of(text) for text in context or [])
    live = opened(project)
    try:
        with Bar() as bar:
            data = learned(live.store, settings_of(Project(project)))
            n = generate(live, data, k, bar, pipeline=pipeline, context=told)
        rows = None if output is None else export(live, output)
    finally:
        live.store.close()
    if json:
        import msgspec

        print(msgspec.json.encode({"users": n, "rows": rows, "model": live.version}).decode())
    else:
        where = "" if rows is None else f"; {counted(rows, 'row')} in {output}"
        print(f"{counted(n, 'user has', 'users have')} a slate of model {live.version}{where}")
