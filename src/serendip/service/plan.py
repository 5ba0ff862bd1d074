"""Say in advance how much memory a fit takes and about how long, from the size of a file and the algorithms' formulas.

The formulas count steps; what a step takes is measured here, by fits of small data sets drawn after the file's own.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import psutil

from serendip.arrays import I32, I64
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.interactions import DAY, RATED, InteractionRules
from serendip.data.readers import Columns, Reading, read, recognise
from serendip.data.tables import no_items, no_users
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Run
from serendip.models.cost import Cost, Size
from serendip.service.read import merged

READER = 64_000_000  # bytes that reading takes for its buffers and threads, however short the file
READ, ID = 221, 155  # bytes that an event and an id take while a file is read: text, columns, their order
KEPT = 0.35  # share of what reading took that is still held when a fit begins: freed memory is given back late
HELD, DERIVED = 22, 78  # bytes of an event in the data set, and while interactions are made of it
SAMPLED = 1_000_000  # rows of which pairs are counted, at most
SAMPLE = {"user": pl.UInt64, "item": pl.UInt64, "value": pl.Float32, "rated": pl.Boolean}
EPOCHS = 4  # of the sample that tells an epoch from what a fit does once
TOLD = 1.3  # times as long as the shorter fit takes the longer one, where their difference tells a step
TREES = 25  # of a sample: of fewer than trees.PATIENCE none is too many
MOST = 10  # times MEASURED after which a hybrid's own part is taken as it is told
SPAN = 28 * DAY  # of the times in a sample, so that hours and weekdays differ
MEASURED = 0.3  # CPU seconds after which the fit of a sample is long enough


@dataclass(frozen=True)
class Shape:
    """What was read of a file: its size, how long reading took, and what is an estimate from a sample of users."""

    size: Size
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """What one fit takes: bytes beside the data set, bytes of the whole job (program, reading, data, fit), seconds.

    All None where the algorithm has no formula.
    """

    algorithm: str
    fit_bytes: int | None = None
    job_bytes: int | None = None
    fit_seconds: float | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True)
class Forecast:
    """The size of the file and what each algorithm takes."""

    n_events: int
    n_users: int
    n_items: int
    n_pairs: int
    read_seconds: float
    free_bytes: int
    estimates: list[Estimate]
    notes: list[str] = field(default_factory=list)


def plan(
    path: Path,
    algorithms: Sequence[Algorithm],
    *,
    items: Path | None = None,
    users: Path | None = None,
    columns: Columns | None = None,
    run: Run = Run(),
) -> Forecast:
    """Return what fits of these algorithms on a file take. No fit of the file is made.

    items, users: files of attributes, for those algorithms that learn from them.

    Raises:
        UserError: a file cannot be read, has no events, or lacks what an algorithm needs.
    """
    program = psutil.Process().memory_info().rss
    shape = shape_of(path, columns, items, users, run)
    size = shape.size
    notes = [*shape.notes, *left_out(size, algorithms)]
    tables = [table for table in (size.item_features, size.user_features) if table is not None]
    about = int(sum(table.estimated_size() for table in tables))
    estimates = []
    for n, algorithm in enumerate(algorithms):
        run.report("timing small fits, algorithms", n, len(algorithms))
        cost = algorithm.cost(size)
        if cost is None or any(one.cost(part) is None for one, part in every(algorithm, size)):
            notes.append(f"{algorithm.name} has no formula yet: nothing is said of it")
            estimates.append(Estimate(algorithm.name))
            continue
        fit = fit_bytes(size, cost)
        reading = READER + READ * size.events + ID * (size.n_users + size.n_items)
        job = program + about + int(max(reading, KEPT * reading + HELD * size.events + fit))
        estimates.append(Estimate(algorithm.name, fit, job, *seconds(algorithm, size, run)))
    return Forecast(size.events, size.n_users, size.n_items, round(size.pairs), shape.seconds,
                    psutil.virtual_memory().available, estimates, notes)  # fmt: skip


def fit_bytes(size: Size, cost: Cost) -> int:
    """Return what a fit holds at once beside the data set: making the interactions, or fitting on them."""
    return int(max(DERIVED * size.events, 8 * size.pairs + cost.memory))


def left_out(size: Size, algorithms: Sequence[Algorithm]) -> list[str]:
    """Return a sentence on the attributes that algorithms would learn from as well, were they given."""
    given = {"item_features": size.item_features, "user_features": size.user_features}
    missing = {kind for kind, table in given.items() if table is None}
    names = [algorithm.name for algorithm in algorithms if algorithm.uses & missing]
    if not names:
        return []
    options = " and ".join(f"--{kind.removesuffix('_features')}s" for kind in given if kind in missing)
    learn = "learns" if len(names) == 1 else "learn"
    return [f"{', '.join(names)} also {learn} from attributes, and these are left out: give {options} if there are any"]


def shape_of(
    path: Path, columns: Columns | None = None, item_file: Path | None = None, user_file: Path | None = None,
    run: Run = Run(),
) -> Shape:  # fmt: skip
    """Read a file block by block and keep nothing of it but a count an id, the pairs of some users, and attributes.

    Raises:
        UserError: a file cannot be read, or has no events.
    """
    began = time.perf_counter()
    users, items, sample = _counts(), _counts(), pl.DataFrame(schema=SAMPLE)
    told = {"item_id": [no_items()], "user_id": [no_users()]}  # attributes
    timed = False
    part = 1  # users are sampled by their hash: one in `part`
    for batch in read(recognise(path, columns)):
        events = batch.events.select(
            user=pl.col("user_id").hash(1), item=pl.col("item_id").hash(2), value=pl.col("value").cast(pl.Float32),
            rated=pl.col("value").is_not_null() & (pl.col("type").is_null() | pl.col("type").is_in(RATED)),
        )  # fmt: skip
        users, items = (_counts(known, events[name]) for known, name in ((users, "user"), (items, "item")))
        for key, table in (("item_id", batch.items), ("user_id", batch.users)):
            if table.width > 1:
                told[key] = [merged([*told[key], table], key)]
        run.report(f"reading {path.name}, MB", batch.bytes_done >> 20, max(batch.bytes_total >> 20, 1))
        timed |= batch.events["timestamp"].null_count() < len(batch.events)
        sample = pl.concat([sample, events.filter(pl.col("user") % part == 0)])
        while len(sample) > SAMPLED:
            part *= 2
            sample = sample.filter(pl.col("user") % part == 0)
    if not len(users):
        raise UserError(f"{path} has no events, so there is nothing to fit")
    if item_file is not None:
        told["item_id"] += [batch.items for batch in read(recognise(item_file, None, Reading(table="items")))]
    if user_file is not None:
        told["user_id"] += [batch.users for batch in read(recognise(user_file, None, Reading(table="users")))]
    tables = {key: merged(parts, key) for key, parts in told.items()}
    items = _counts(items, tables["item_id"]["item_id"].hash(2), 0)
    users = _counts(users, tables["user_id"]["user_id"].hash(1), 0)
    user, item = (counts["n"].to_numpy().astype(np.int64) for counts in (users, items))
    events_sampled = max(len(sample), 1)
    rated = sample.filter("rated")
    kept = sample
    if len(rated):
        low, high = rated["value"].min(), rated["value"].max()
        assert isinstance(low, float) and isinstance(high, float)
        kept = sample.filter(~pl.col("rated") | (pl.col("value") >= np.ceil((low + high) / 2)))
    pairs, ratings = (float(some.n_unique(["user", "item"]) / events_sampled * user.sum()) for some in (kept, rated))
    notes = (f"pairs are estimated from one user in {part}",) if part > 1 else ()
    features = (attributes(tables["item_id"], len(item)), attributes(tables["user_id"], len(user)))
    return Shape(Size(user, item, pairs, ratings, timed, *features), time.perf_counter() - began, notes)


def attributes(table: pl.DataFrame, n: int) -> pl.DataFrame | None:
    """Return the attributes of a table, with rows of nulls up to n; None where it has none."""
    known = table.drop("item_id", "user_id", strict=False)
    if not known.width or known.is_empty():
        return None
    return pl.concat([known, known.clear(n - len(known))])


def _counts(known: pl.DataFrame | None = None, new: pl.Series | None = None, times: int = 1) -> pl.DataFrame:
    """Return how often each hash was seen."""
    if known is None or new is None:
        return pl.DataFrame(schema={"id": pl.UInt64, "n": pl.Int64})
    more = pl.DataFrame({"id": new}).group_by("id").agg(n=times * pl.len().cast(pl.Int64))
    return pl.concat([known, more]).group_by("id").agg(pl.col("n").sum())


def every(algorithm: Algorithm, size: Size) -> list[tuple[Algorithm, Size]]:
    """Return a fit and all fits within it, each with the size of its data."""
    return [(algorithm, size), *(fit for one in algorithm.fits(size) for fit in every(*one))]


@dataclass(frozen=True)
class Pace:
    """CPU seconds of a step, and of an event once in a fit; how many cores work at once."""

    step: float
    once: float
    cores: float

    def cpu(self, algorithm: Algorithm, size: Size) -> float:
        """Return the CPU seconds of a fit without the fits within it."""
        cost = algorithm.cost(size)
        assert cost is not None
        return cost.operations * self.step + size.events * self.once


def seconds(algorithm: Algorithm, size: Size, run: Run) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of a fit, those of the fits within it among them."""
    parts = every(algorithm, size)
    paces: dict[Algorithm, Pace] = {}
    for one, _ in reversed(parts):  # what is within something comes first
        if one not in paces:
            paces[one] = beside(one, size, paces, run) if one.fits(size) else pace(one, size, run)
    cpu = [paces[one].cpu(one, part) for one, part in parts]
    wall = sum(c / paces[one].cores for c, (one, _) in zip(cpu, parts, strict=True))
    return float(wall), float(sum(cpu))


def pace(algorithm: Algorithm, size: Size, run: Run) -> Pace:
    """Return what a step of a fit takes in samples that double until it is told.

    CPU seconds are counted, so that what else runs on the machine does not matter; how many cores work at once is what
    the largest sample showed. Where there are epochs, more of them on one sample tell their steps from what a fit does
    once, which grows with the events; else a smaller sample does.
    """
    epochs = "epochs" in algorithm.hyperparameters()
    brief = algorithm.set(epochs=1) if epochs else shortened(algorithm)
    share = min(1.0, 2_000 / size.events)
    last = timed(brief, size, share, run)  # what is imported and prepared at first is no part of it
    now = timed(brief, size, share, run)
    while now.cpu < MEASURED and share < 1:
        share = min(1.0, share * 2)
        last, now = now, timed(brief, size, share, run)
    long = timed(algorithm.set(epochs=EPOCHS), size, share, run) if epochs else now
    more, less = (long, now) if epochs else (now, last)
    slope = more.steps > less.steps and more.cpu > TOLD * less.cpu
    step = (more.cpu - less.cpu) / (more.steps - less.steps) if slope else more.cpu / more.steps
    once = max(now.cpu - step * now.steps, 0.0) / share if epochs and slope else 0.0
    return Pace(step, once / size.events, cores(long, run))


def beside(algorithm: Algorithm, size: Size, paces: Mapping[Algorithm, Pace], run: Run) -> Pace:
    """Return what a step takes of what a fit does beside the fits within it, which take what `paces` say."""
    brief = shortened(algorithm)
    share = min(1.0, 2_000 / size.events)
    cost = brief.cost(size)
    if cost is None or not cost.operations:
        return Pace(0.0, 0.0, 1.0)

    def own(now: Timed) -> float:
        return max(now.cpu - sum(paces[one].cpu(one, part) for one, part in every(brief, now.size)[1:]), 0.0)

    while True:
        now = timed(brief, size, share, run)
        if own(now) > MEASURED:  # what is imported at first is no part of it
            now = timed(brief, size, share, run)
        if own(now) > MEASURED or now.cpu > MOST * MEASURED or share == 1:
            return Pace(own(now) / max(now.steps, 1.0), 0.0, cores(now, run))
        share = min(1.0, share * 2)


def shortened(algorithm: Algorithm) -> Algorithm:
    """Return an algorithm of so few trees that none is left out: in random events they would end at once."""
    return algorithm.set(trees=TREES) if "trees" in algorithm.hyperparameters() else algorithm


def cores(fit: "Timed", run: Run) -> float:
    """Return how many cores worked at once."""
    return min(max(fit.cpu / fit.wall, 1.0), run.threads or psutil.cpu_count() or 1)


@dataclass(frozen=True)
class Timed:
    """What the fit of a sample took, in seconds, its steps by the formula, and the size of the sample."""

    wall: float
    cpu: float
    steps: float
    size: Size


def timed(algorithm: Algorithm, size: Size, share: float, run: Run) -> Timed:
    """Fit a share of the users and items."""
    data = sample(size, share, run.seed)
    wall, cpu = time.perf_counter(), time.process_time()
    algorithm.fit(data, run=Run(threads=run.threads, seed=run.seed))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rated = data.ratings.nnz if size.ratings else 0
    about = data.item_features, data.user_features
    part = Size(counted(data.user), counted(data.item), data.matrix.nnz, rated, size.timed, *about)
    cost = algorithm.cost(part)
    assert cost is not None
    return Timed(wall, cpu, cost.operations, part)


def counted(index: I32) -> I64:
    """Return how often each index occurs, without those that do not."""
    count = np.bincount(index)
    return count[count > 0].astype(np.int64)


def sample(size: Size, share: float, seed: int) -> Dataset:
    """Return random events of a share of the users on a share of the items, as active and as popular as those are."""
    generator = np.random.default_rng(seed)
    activity, popularity = (
        generator.choice(count, max(1, round(share * len(count))), replace=False) for count in (size.user, size.item)
    )
    n = len(popularity)
    user = np.repeat(np.arange(len(activity), dtype=np.int32), np.minimum(activity, n))
    chance = popularity + 1e-9  # there may be none with an event among few
    item = generator.choice(n, len(user), p=chance / chance.sum()).astype(np.int32)
    value = generator.integers(1, 6, len(user)).astype(np.float32) if size.ratings else None
    rules = InteractionRules(weights={}, threshold=3.0 if size.ratings > size.pairs else None)
    users, items = (Ids([str(i) for i in range(count)]) for count in (len(activity), n))
    when = generator.integers(0, SPAN, len(user)) if size.timed else None
    about = (None if table is None else table.sample(count, seed=seed)
             for table, count in ((size.user_features, len(activity)), (size.item_features, n)))  # fmt: skip
    user_features, item_features = about
    return Dataset.sort(
        users, items, user, item, value=value, timestamp=when, rules=rules, user_features=user_features,
        item_features=item_features,
    )  # fmt: skip
