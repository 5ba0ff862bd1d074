"""`serendip compare`: a leaderboard with intervals on a split of the project's data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from serendip.cli.options import (
    HERE,
    AlgorithmsOption,
    JsonOption,
    ProjectOption,
    SeedOption,
    ThreadsOption,
    named,
)

if TYPE_CHECKING:
    from serendip.config import Settings
    from serendip.data.dataset import Dataset
    from serendip.models.contract import Run


def command(
    project: ProjectOption = HERE,
    algorithms: AlgorithmsOption = None,
    metrics: Annotated[str | None, Option(help="Names separated by commas; the first is the primary one.")] = None,
    split: Annotated[str | None, Option(help="time, last-share, last-out, random, users or latest-users.")] = None,
    folds: Annotated[int | None, Option(min=2, help="Cross-validate over this many random folds instead.")] = None,
    plot: Annotated[
        Path | None, Option(help="Write the leaderboard: a picture as .svg or .png, a page as .html.")
    ] = None,
    threads: ThreadsOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    from dataclasses import replace

    from serendip.cli.progress import Bar
    from serendip.cli.tables import leaderboard
    from serendip.errors import UserError
    from serendip.metrics.name import parse_all
    from serendip.models.contract import Run
    from serendip.service.compare import compare
    from serendip.service.report import drawn
    from serendip.service.runs import keep
    from serendip.service.settings import learned, settings_of
    from serendip.service.whole import write_whole
    from serendip.store.project import Project

    place = Project(project)
    settings = settings_of(place)
    if plot is not None and plot.suffix not in (".svg", ".png", ".html"):
        raise UserError(f"{plot} ends in none of .svg, .png, .html: name the file by the form it is to have")
    if split is not None:
        settings = replace(settings, evaluation=replace(settings.evaluation, split=split))
    if metrics is not None:
        names = [str(metric) for metric in parse_all(metrics)]
        settings = replace(settings, evaluation=replace(settings.evaluation, metrics=names),
                           objective=replace(settings.objective, metric=names[0]))  # fmt: skip
    with place.store(create=False) as store, Bar() as bar:
        data = learned(store, settings)
        if folds is not None:
            cross_validated(data, settings, named(algorithms), folds,
                            Run(threads=threads, seed=seed, progress=bar), json)  # fmt: skip
            return
        compared = compare(data, settings, algorithms=named(algorithms), keep=place.reports / "compared",
                           run=Run(threads=threads, seed=seed, progress=bar))  # fmt: skip
    kept = keep(place, "compare", {"algorithms": named(algorithms)}, data, settings, compared.plain(), seed)
    if plot is not None:
        write_whole(plot, drawn(compared, plot.suffix, place.name))
    if json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(compared.plain()), indent=2).decode())
    else:
        leaderboard(compared)
        if plot is not None:
            print(f"The leaderboard is in {plot}.")
        print(f"Run: {kept}; serendip reproduce {kept} does it again.")


def cross_validated(
    data: "Dataset", settings: "Settings", algorithms: list[str] | None, folds: int, run: "Run", json: bool
) -> None:
    """Print the mean of each metric over random folds, and the standard deviation between them."""
    from serendip.cli.tables import console, table
    from serendip.service.judge import cross_validate
    from serendip.service.portfolio import portfolio

    metrics = dict.fromkeys([settings.objective.metric, *settings.evaluation.metrics])
    found = cross_validate(portfolio(settings, algorithms), data, ",".join(metrics), k=folds, run=run)
    if json:
        print(found.write_json())
        return
    made = table(("algorithm", "left"), ("metric", "left"), ("mean", "right"), ("between folds", "right"))
    for name, metric, mean, deviation in found.iter_rows():
        made.add_row(name, metric, f"{mean:.4f}", f"{deviation:.4f}")
    console().print(made)
