"""`serendip demo`: the main job on MovieLens 100K, then the server."""

from pathlib import Path
from typing import Annotated

from typer import Option

from serendip.cli.options import ThreadsOption

FOLDER = Path("serendip-demo")


def command(
    project: Annotated[Path, Option(help="The folder that the demo makes.")] = FOLDER,
    serve: Annotated[bool, Option("--serve/--no-serve", help="Serve what came of it.")] = True,
    port: Annotated[int, Option(min=1, max=65535, help="Port to serve on.")] = 8000,
    threads: ThreadsOption = None,
) -> None:
    import time

    from serendip.cli.progress import Bar
    from serendip.cli.run import show
    from serendip.models.contract import Run
    from serendip.service.demo import demo
    from serendip.store.project import Project

    start = time.perf_counter()
    with Bar() as bar:
        ran = demo(Project(project), how=Run(threads=threads, progress=bar))
    show(ran, project)
    print(f"\nAll of it took {time.perf_counter() - start:.1f} s.")
    if serve:
        from serendip.cli.serve import command as serve_command

        serve_command(project=project, port=port)
