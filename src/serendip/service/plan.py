"""Say in advance how much memory a fit takes and about how long, from the size of a file and the algorithms' formulas.

The formulas count steps; what a step takes is measured here, by fits of small data sets drawn after the file's own.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import psutil

from serendip.arrays import I32, I64
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.interactions import RATED, InteractionRules
from serendip.data.readers import Columns, read, recognise
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Run
from serendip.models.cost import Cost, Size

READER = 64_000_000  # bytes that reading takes for its buffers and threads, however short the file
READ, ID = 221, 155  # bytes that an event and an id take while a file is read: text, columns, their order
KEPT = 0.35  # share of what reading took that is still held when a fit begins: freed memory is given back late
HELD, DERIVED = 22, 78  # bytes of an event in the data set, and while interactions are made of it
SAMPLED = 1_000_000  # rows of which pairs are counted, at most
SAMPLE = {"user": pl.UInt64, "item": pl.UInt64, "value": pl.Float32, "rated": pl.Boolean}
EPOCHS = 4  # of the sample that tells an epoch from what a fit does once
TOLD = 1.3  # times as long as the shorter fit takes the longer one, where their difference tells a step
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


def plan(path: Path, algorithms: Sequence[Algorithm], *, columns: Columns | None = None, run: Run = Run()) -> Forecast:
    """Return what fits of these algorithms on a file take. No fit of the file is made.

    Raises:
        UserError: the file cannot be read, or has no events.
    """
    program = psutil.Process().memory_info().rss
    shape = shape_of(path, columns)
    size = shape.size
    notes = list(shape.notes)
    estimates = []
    for algorithm in algorithms:
        cost = algorithm.cost(size)
        if cost is None:
            notes.append(f"{algorithm.name} has no formula yet: nothing is said of it")
            estimates.append(Estimate(algorithm.name))
            continue
        fit = fit_bytes(size, cost)
        reading = READER + READ * size.events + ID * (size.n_users + size.n_items)
        job = program + int(max(reading, KEPT * reading + HELD * size.events + fit))
        estimates.append(Estimate(algorithm.name, fit, job, *seconds(algorithm, size, run)))
    return Forecast(size.events, size.n_users, size.n_items, round(size.pairs), shape.seconds,
                    psutil.virtual_memory().available, estimates, notes)  # fmt: skip


def fit_bytes(size: Size, cost: Cost) -> int:
    """Return what a fit holds at once beside the data set: making the interactions, or fitting on them."""
    return int(max(DERIVED * size.events, 8 * size.pairs + cost.memory))


def shape_of(path: Path, columns: Columns | None = None) -> Shape:
    """Read a file block by block and keep nothing of it but a count an id, and the pairs of some users.

    Raises:
        UserError: the file cannot be read, or has no events.
    """
    began = time.perf_counter()
    users, items, sample = _counts(), _counts(), pl.DataFrame(schema=SAMPLE)
    part = 1  # users are sampled by their hash: one in `part`
    for batch in read(recognise(path, columns)):
        events = batch.events.select(
            user=pl.col("user_id").hash(1), item=pl.col("item_id").hash(2), value=pl.col("value").cast(pl.Float32),
            rated=pl.col("value").is_not_null() & (pl.col("type").is_null() | pl.col("type").is_in(RATED)),
        )  # fmt: skip
        users, items = (_counts(known, events[name]) for known, name in ((users, "user"), (items, "item")))
        sample = pl.concat([sample, events.filter(pl.col("user") % part == 0)])
        while len(sample) > SAMPLED:
            part *= 2
            sample = sample.filter(pl.col("user") % part == 0)
    if not len(users):
        raise UserError(f"{path} has no events, so there is nothing to fit")
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
    return Shape(Size(user, item, pairs, ratings), time.perf_counter() - began, notes)


def _counts(known: pl.DataFrame | None = None, new: pl.Series | None = None) -> pl.DataFrame:
    """Return how often each hash was seen."""
    if known is None or new is None:
        return pl.DataFrame(schema={"id": pl.UInt64, "n": pl.Int64})
    more = pl.DataFrame({"id": new}).group_by("id").agg(n=pl.len().cast(pl.Int64))
    return pl.concat([known, more]).group_by("id").agg(pl.col("n").sum())


def seconds(algorithm: Algorithm, size: Size, run: Run) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of a fit: what its steps take in samples that double until it is told.

    CPU seconds are counted, so that what else runs on the machine does not matter; how many cores work at once is what
    the largest sample showed. Where there are epochs, more of them on one sample tell their steps from what a fit does
    once, which grows with the events; else a smaller sample does.
    """
    cost = algorithm.cost(size)
    assert cost is not None
    epochs = "epochs" in algorithm.hyperparameters()
    brief = algorithm.set(epochs=1) if epochs else algorithm
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
    cores = min(max(long.cpu / long.wall, 1.0), run.threads or psutil.cpu_count() or 1)
    cpu = float(cost.operations * step + once)
    return cpu / cores, cpu


@dataclass(frozen=True)
class Timed:
    """What the fit of a sample took, in seconds, and its steps by the formula."""

    wall: float
    cpu: float
    steps: float


def timed(algorithm: Algorithm, size: Size, share: float, run: Run) -> Timed:
    """Fit a share of the users and items."""
    data = sample(size, share, run.seed)
    wall, cpu = time.perf_counter(), time.process_time()
    algorithm.fit(data, run=Run(threads=run.threads, seed=run.seed))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rated = data.ratings.nnz if size.ratings else 0
    cost = algorithm.cost(Size(counted(data.user), counted(data.item), data.matrix.nnz, rated))
    assert cost is not None
    return Timed(wall, cpu, cost.operations)


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
    item = generator.choice(n, len(user), p=popularity / popularity.sum()).astype(np.int32)
    value = generator.integers(1, 6, len(user)).astype(np.float32) if size.ratings else None
    rules = InteractionRules(weights={}, threshold=3.0 if size.ratings > size.pairs else None)
    users, items = (Ids([str(i) for i in range(count)]) for count in (len(activity), n))
    return Dataset.sort(users, items, user, item, value=value, timestamp=np.arange(len(user)), rules=rules)
