"""`serendip train`: fit one algorithm on everything and publish the model; with --auto, choose it first."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from serendip.cli.options import (
    HERE,
    AlgorithmsOption,
    JsonOption,
    ProjectOption,
    SeedOption,
    ThreadsOption,
    named,
)
from serendip.plural import counted

if TYPE_CHECKING:
    from serendip.service.auto import Chosen


def command(
    algorithm: Annotated[str | None, Argument(help="Its name, as als; none with --auto.")] = None,
    project: ProjectOption = HERE,
    set_: Annotated[
        list[str] | None, Option("--set", metavar="field=value", help="A hyperparameter; repeatable.")
    ] = None,
    auto: Annotated[bool, Option("--auto", help="Choose algorithms, hyperparameters and a blend by itself.")] = False,
    minutes: Annotated[float, Option(min=0.1, help="How long all of it may take with --auto.")] = 10.0,
    metric: Annotated[
        str | None,
        Option(help="What --auto chooses by, rmse of ratings too; the project's objective where not given."),
    ] = None,
    algorithms: AlgorithmsOption = None,
    threads: ThreadsOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    began = time.monotonic()
    from serendip.cli.progress import Bar
    from serendip.errors import UserError
    from serendip.models.contract import Algorithm, Run
    from serendip.service.auto import auto as choose
    from serendip.service.evaluate import configured
    from serendip.service.runs import keep, known_by
    from serendip.service.settings import learned, settings_of, weighed
    from serendip.service.train import train
    from serendip.store.artefacts import load
    from serendip.store.project import Project

    if auto == (algorithm is not None):
        raise UserError("name one algorithm, as in serendip train als, or let --auto choose")
    if (auto and set_) or ((algorithms or metric) and not auto):
        raise UserError("--set goes with a named algorithm, --algorithms and --metric with --auto")
    place = Project(project)
    settings = settings_of(place)
    chosen: Chosen | None = None
    wanted: Algorithm
    if algorithm is not None:
        given = [f"{name}={value}" for name, value in settings.training.hyperparameters.get(algorithm, {}).items()]
        (wanted,) = configured(algorithm, [f"{algorithm}.{one}" for one in [*given, *(set_ or [])]])
    with place.store(create=False) as store, Bar() as bar:
        data = learned(store, settings)
        if auto:
            say = None if json else lambda text: print(text, file=sys.stderr, flush=True)
            how = Run(threads=threads, seed=seed)
            chosen = choose(
                data, settings, minutes, metric=metric, names=named(algorithms), run=how, heard=say, began=began,
                folder=place.tuning,
            )  # fmt: skip
            wanted = chosen.published
            if wanted == chosen.algorithm:
                data, settings = data.ruled(chosen.rules), weighed(settings, chosen.rules)
        report = {} if chosen is None else chosen.plain()
        version = train(place, wanted, data, report, Run(threads=threads, seed=seed, progress=bar))
    asked = {"algorithm": wanted.name, "settings": wanted.settings()}
    numbers = known_by(load(place.model(version)), data)
    keep(place, "train", asked, data, settings, {**report, **numbers}, seed)
    if json:
        import msgspec

        answer = {"model": version, "algorithm": wanted.name}
        more = {} if chosen is None else {"auto": chosen.plain(), "seconds": round(time.monotonic() - began, 1)}
        print(msgspec.json.encode({**answer, **more}).decode())
        return
    if chosen is not None:
        show(chosen, time.monotonic() - began, 60 * minutes)
    print(f"Model {version} ({wanted.name}) is published. Write the slates anew with: serendip generate")


def show(chosen: "Chosen", seconds: float, allowed: float) -> None:
    """Print what was chosen, how it did where no choice saw, how sure that is and how long it took."""
    from serendip.models.weighted import Weighted
    from serendip.service.looking import told, worded

    board, metric = chosen.board, chosen.metric
    print(f"\n{counted(len(chosen.entries), 'fit')} of "
          f"{counted(len({e.algorithm.name for e in chosen.entries}), 'algorithm')} in "
          f"{chosen.searched:.0f} s; {seconds:.0f} s of {allowed:.0f} s in all.")  # fmt: skip
    print(f"Chosen: {told(chosen.algorithm)}")
    alone = (
        isinstance(chosen.algorithm, Weighted) and len(chosen.algorithm.weights) == 1
    )  # beside what greets newcomers
    if chosen.algorithm != chosen.single and not alone:
        print(f"A blend makes {metric} better by {chosen.blend_gain:.4f} than the best alone, {told(chosen.single)}, "
              "where nothing had a say in its weights.")  # fmt: skip
    unseen = f"{chosen.contest.parts.name}, {counted(board.standings[0].report.n_users, 'user')}"
    print(f"On the part that no choice saw ({unseen}):")
    for standing in board.standings:
        e = standing.report.estimates[metric]
        print(f"  {standing.report.algorithm:<10} {metric} {e.mean:.4f} (95% interval {e.low:.4f} to {e.high:.4f})")
    for standing in board.standings:
        if standing.against is not None and standing.report.algorithm == chosen.algorithm.name:
            gained = standing.against
            sure = "beyond doubt" if chosen.published == chosen.algorithm else "not beyond doubt"
            by = "mse" if board.primary.name == "rmse" else board.primary
            between = f"{gained.low:+.4f} to {gained.high:+.4f}"
            print(f"  {by} {gained.difference:+.4f} against {board.baseline} ({between}): {sure}.")
    if chosen.more is None:
        print("It takes 8 fits on all users to tell what a longer search would add.")
    else:
        print(f"A search twice as long would likely add {max(chosen.more, 0):.4f} to the best alone.")
    if chosen.interactions:
        print(f"Events count for more under {worded(chosen.interactions)}, which the model keeps to. For later fits "
              "write it into serendip.toml, under [interactions].")  # fmt: skip
    for why in dict.fromkeys(chosen.left_out.values()):
        names = [name for name, reason in chosen.left_out.items() if reason == why]
        print("Left out:", why if why.startswith(names[0]) else f"{', '.join(names)}: {why}")
    if chosen.published != chosen.algorithm:
        print(f"So {board.baseline} is published: it is simpler, and no worse as far as can be told.")
