"""`serendip tune`: look for better hyperparameters of one algorithm; the test part is never seen."""

import sys
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, ProjectOption, SeedOption, ThreadsOption
from serendip.plural import counted

if TYPE_CHECKING:
    from pathlib import Path

    from serendip.evaluation.space import Axis
    from serendip.evaluation.tuning import Trial
    from serendip.service.tune import Tuned, Tuning


def command(
    algorithm: Annotated[str, Argument(help="Its name, as als.")],
    project: ProjectOption = HERE,
    trials: Annotated[int, Option(min=1, help="How many settings to try in all, the default first.")] = 50,
    minutes: Annotated[float | None, Option(min=0.01, help="How long to look at most.")] = None,
    metric: Annotated[str | None, Option(help="What to tune by; the project's objective where not given.")] = None,
    save: Annotated[bool, Option("--save", help="Write the best into serendip.toml, where train finds it.")] = False,
    threads: ThreadsOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    from serendip.service.hyperparameters import save as write
    from serendip.service.portfolio import portfolio
    from serendip.service.runs import keep
    from serendip.service.settings import learned, settings_of
    from serendip.service.tune import beginning, training_part, tune
    from serendip.store.project import Project

    place = Project(project)
    settings = settings_of(place)
    start = beginning(portfolio(settings, [algorithm])[-1])
    with place.store(create=False) as store:
        data = learned(store, settings)
    train = training_part(data, settings)
    heard = Told(trials)
    tuned = tune(
        start, train, trials=trials, minutes=minutes, metric=metric, settings=settings,
        folder=place.tuning, seed=seed, threads=threads, begun=None if json else heard.begin,
        heard=None if json else heard.trial,
    )  # fmt: skip
    changed = bool(tuned.changed)
    if save and changed:
        write(place, tuned.algorithm)
    asked = {"algorithm": start.name, "metric": metric, "start": start.settings(), "best": tuned.algorithm.settings()}
    kept = keep(place, "tune", asked, data, settings, tuned.plain(), seed)
    if json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode({**tuned.plain(), "run": str(kept)}), indent=2).decode())
    else:
        show(tuned, saved=save and changed, kept=kept)


class Told:
    """Says on standard error what each trial came to, the best so far and the time that is left."""

    def __init__(self, trials: int) -> None:
        self.trials, self.met = trials, False

    def begin(self, tuning: "Tuning") -> None:
        """Say what is tuned, and where it is looked."""
        about = ", ".join(f"{name} {worded(axis)}" for name, axis in tuning.axes.items())
        print(f"Tuning {tuning.algorithm.name} by {tuning.metric} on {counted(len(tuning.task), 'user')} of the "
              f"training part (split: {tuning.split}).\nLooking through {about}.", file=sys.stderr)  # fmt: skip
        for leak in tuning.leaks:
            print(f"Warning: {leak}.", file=sys.stderr)
        sys.stderr.flush()

    def trial(self, tuning: "Tuning", one: "Trial", found: "list[Trial]") -> None:
        """Say a line of one trial; the first call says how many there were before."""
        if not self.met and len(found) > 1:
            print(f"Going on after {counted(len(found) - 1, 'trial')}.", file=sys.stderr)
        self.met = True
        whole = [t for t in found if t.value is not None]
        best = max(whole, key=lambda t: t.mean)
        left = (self.trials - len(found)) * sum(t.seconds for t in found) / len(found)
        before = whole[0].settings
        what = ", ".join(f"{k}={v}" for k, v in one.settings.items() if before[k] != v) or "the default"
        came = f"{tuning.shown(one.mean):.4f}" if one.value is not None else "  -   "
        print(f"{len(found):>4}/{self.trials}  {came}  best {tuning.shown(best.mean):.4f}  "
              f"{one.seconds:6.1f} s, {int(left) // 60}:{int(left) % 60:02d} left  {what}"
              f"{f'  ({one.why})' if one.why else ''}", file=sys.stderr, flush=True)  # fmt: skip


def worded(axis: "Axis") -> str:
    """Return an axis in words."""
    from serendip.evaluation.space import Choices

    if isinstance(axis, Choices):
        return " or ".join(map(str, axis.values))
    return f"{axis.low:g} to {axis.high:g}{' or none' if axis.optional else ''}"


def show(tuned: "Tuned", saved: bool, kept: "Path") -> None:
    """Print the best, how sure it is, what a longer search would buy, and how `train` comes to use it."""
    from serendip.service.hyperparameters import lines

    tuning, gained = tuned.tuning, tuned.gained
    whole = [one for one in tuned.trials if one.value is not None]
    given_up = sum(one.why.startswith("given up") for one in tuned.trials)
    failed = len(tuned.trials) - len(whole) - given_up
    print(f"\n{counted(len(tuned.trials), 'trial')} in {tuned.seconds:.0f} s: {len(whole)} judged, {given_up} given up "
          f"early{f', {failed} failed' if failed else ''}.")  # fmt: skip
    if tuned.more is None:
        longer = "It takes 8 trials to tell what more would add."
    else:
        longer = f"As many trials again would likely add {max(tuned.more, 0):.4f}."
    if not tuned.changed:
        print(f"Nothing beats what it began with: {tuning.metric} {tuning.shown(whole[0].mean):.4f}; other users would "
              f"choose it again in {gained.sure:.0%} of draws.\n{longer} Run: {kept}")  # fmt: skip
        return
    unit = "squared error less" if tuning.metric.name in ("rmse", "mse") else str(tuning.metric)
    print(f"Best: {tuning.metric} {tuning.shown(tuned.best.mean):.4f}, {tuning.shown(whole[0].mean):.4f} before: "
          f"{gained.seen:+.4f} on the users that chose it,\n{gained.mean:+.4f} ({gained.low:+.4f} to "
          f"{gained.high:+.4f}) {unit} as users without a say would see it: "
          f"{'beyond doubt' if tuned.beyond_doubt else 'not beyond doubt'}.\n"
          f"Other users would choose it again in {gained.sure:.0%} of draws.\n{longer}")  # fmt: skip
    print(f"\n{lines(tuned.algorithm)}\n")
    print("It is written into serendip.toml." if saved else "Write it into serendip.toml, or let --save do it.",
          f"Then: serendip train {tuning.algorithm.name}. Run: {kept}")  # fmt: skip
