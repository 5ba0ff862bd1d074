"""A plan counts what a file holds, follows the formulas, and says what it does not know."""

import gzip
import random
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import pytest

from serendip import registry
from serendip.cli import status
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.augmented import Augmented
from serendip.models.bspm import BSPM
from serendip.models.cascade import Cascade
from serendip.models.content import Content
from serendip.models.contract import Algorithm, Model, Run
from serendip.models.cost import Size
from serendip.models.demographic import Demographic
from serendip.models.ease import EASE
from serendip.models.featuremf import FeatureMF
from serendip.models.ffm import FFM
from serendip.models.fm import FM
from serendip.models.fwls import FWLS
from serendip.models.gbt import GBT
from serendip.models.gfcf import GFCF
from serendip.models.itemknn import ItemKNN
from serendip.models.latest import Latest
from serendip.models.logistic import Logistic
from serendip.models.markov import Markov
from serendip.models.popular import Popular
from serendip.models.prefilter import Prefilter
from serendip.models.stacked import Stacked
from serendip.models.stan import STAN
from serendip.models.svd import SVD
from serendip.models.switching import Switching
from serendip.models.trees import LIBRARY, PATIENCE
from serendip.models.userattributeknn import UserAttributeKNN
from serendip.models.vsknn import VSKNN
from serendip.models.weighted import Weighted
from serendip.service import plan as planning
from serendip.service.plan import Pace, counted, every, fit_bytes, plan, sample, seconds, shape_of


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let samples be small: what a step takes is not asserted."""
    monkeypatch.setattr(planning, "MEASURED", 0.01)


NAMES = [
    *(
        "popular",
        "trending",
        "als",
        "bpr",
        "warp",
        "itemknn",
        "userknn",
        "p3alpha",
        "rp3beta",
        "ease",
        "sansa",
        "slim",
        "puresvd",
    ),
    *("nmf", "slopeone", "svd", "svdpp", "latest", "normal", "logistic", "cascade"),
]
WITH = [registry.load(name, registry.ALGORITHMS, "algorithm") for name in NAMES]


class Own(Algorithm):
    """One that does not say what it costs."""

    name = "own"
    uses = frozenset()

    def fit(self, data: Dataset, *, run: Run = Run()) -> Model:
        return Popular().fit(data, run=run)


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Ratings 1 to 5 with many pairs twice, compressed."""
    chance = random.Random(3)
    rows = [f"{chance.randrange(200)},{chance.randrange(50)},{chance.randrange(1, 6)},{1_600_000_000 + n}"
            for n in range(6000)]  # fmt: skip
    path = tmp_path / "ratings.csv.gz"
    path.write_bytes(gzip.compress("\n".join(["user_id,item_id,rating,timestamp", *rows]).encode()))
    return path


def counts(path: Path) -> tuple[dict[str, int], int, int]:
    """Return the events a user, the pairs rated at least 3, and all pairs."""
    rows = [line.split(",") for line in gzip.decompress(path.read_bytes()).decode().split("\n")[1:]]
    users: dict[str, int] = {}
    for row in rows:
        users[row[0]] = users.get(row[0], 0) + 1
    return users, len({(u, i) for u, i, r, _ in rows if int(r) >= 3}), len({(u, i) for u, i, *_ in rows})


def test_the_shape_is_what_the_file_holds(ratings: Path) -> None:
    users, liked, pairs = counts(ratings)
    shape = shape_of(ratings)
    assert sorted(shape.size.user) == sorted(users.values())
    assert shape.size.n_items == 50 and shape.size.events == 6000
    assert (shape.size.pairs, shape.size.ratings) == (liked, pairs)
    assert not shape.notes


def test_pairs_of_a_large_file_are_estimated_and_that_is_said(ratings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "SAMPLED", 2000)
    _, liked, pairs = counts(ratings)
    shape = shape_of(ratings)
    assert shape.size.events == 6000  # still counted
    assert shape.size.pairs == pytest.approx(liked, rel=0.15) and shape.size.ratings == pytest.approx(pairs, rel=0.15)
    assert shape.notes and "one user in" in shape.notes[0]


@pytest.mark.parametrize("kind", WITH, ids=lambda kind: kind.name)
def test_a_plan_names_bytes_and_seconds(kind: type[Algorithm], ratings: Path) -> None:
    found = plan(ratings, [kind()], run=Run(threads=1))
    (one,) = found.estimates
    assert one.algorithm == kind.name
    assert one.job_bytes is not None and one.fit_bytes is not None and one.fit_seconds is not None
    program = psutil.Process().memory_info().rss  # a job is told with what the program itself takes
    assert 0 < one.fit_bytes < one.job_bytes < program + 1e9 and 0 < one.fit_seconds < 60


@pytest.mark.parametrize(
    "algorithm",
    [
        *(GFCF(rank=16), BSPM(rank=16), Markov(), VSKNN(), STAN(), FeatureMF(rank=16, epochs=1)),
        *(Logistic(epochs=1), FM(rank=8, epochs=1), FFM(rank=4, epochs=1, negatives=1)),
    ],
    ids=lambda one: one.name,
)
def test_formulas_tell_what_numpy_holds(algorithm: Algorithm) -> None:
    size = Size(np.full(2000, 30), np.full(1500, 40), 60_000.0)
    data = sample(size, 1.0, 0)
    pairs = data.matrix.nnz  # made before the fit
    held = peak(algorithm, data)
    cost = algorithm.cost(Size(counted(data.user), counted(data.item), pairs))
    assert cost is not None and 0.8 * held < cost.memory < 1.7 * held  # LAPACK holds what NumPy does not see


@pytest.mark.parametrize(
    "hybrid",
    [Weighted(algorithms=("als:epochs=1", "itemknn"), learned=True), Cascade(), Switching(), Prefilter(),
     Augmented(first="itemknn", second="itemknn:neighbours=20")],
    ids=lambda one: one.name,
)  # fmt: skip
def test_hybrids_hold_what_is_within_them(hybrid: Algorithm) -> None:
    size = Size(np.full(1200, 20), np.full(400, 60), 24_000.0)
    data = sample(size, 1.0, 0)
    pairs = data.matrix.nnz
    held = peak(hybrid, data)
    cost = hybrid.cost(replace(size, pairs=pairs))
    assert cost is not None and 0.8 * held < cost.memory < 3 * held  # models keep less than their fits hold


def test_what_is_fitted_within_is_told() -> None:
    size = Size(np.full(1200, 20), np.full(400, 60), 24_000.0, 24_000.0)
    names = ("als:epochs=1", "itemknn")

    def within(hybrid: Algorithm) -> list[tuple[str, int]]:
        return [(one.name, part.events) for one, part in every(hybrid, size)[1:]]

    assert within(Weighted(algorithms=names, prior="")) == [("als", 24_000), ("itemknn", 24_000)]
    assert within(Weighted(algorithms=names, learned=True))[:2] == [("als", 21_600), ("itemknn", 21_600)]
    assert within(Cascade(algorithms=names)) == [("als", 24_000), ("itemknn", 24_000)]
    assert [n for _, n in within(Prefilter())] == [24_000, *[round(24_000 / 7)] * 7]
    assert within(Prefilter(context="place")) == [("als", 24_000)]  # which a file has no column of
    assert [name for name, _ in within(Switching())] == ["als", "itemknn", "popular", "als", "popular", "itemknn"]
    assert within(Switching(algorithms=names, min_history=3)) == [("als", 24_000), ("itemknn", 24_000)]
    assert within(FWLS(algorithms=("svd",), times=3)) == [("svd", 21_600)] * 3 + [("svd", 24_000)]
    assert within(Stacked(algorithms=names))[::2] == [("als", 19_200), ("als", 24_000)]
    assert within(Augmented()) == [("content", 24_000), ("ease", 24_000 + 400 * 11)]
    assert len(within(Cascade(algorithms=("weighted:prior=", "popular")))) == 4  # a hybrid within one


def test_seconds_of_a_hybrid_are_those_of_what_is_within(monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(np.full(1200, 20), np.full(400, 60), 24_000.0)
    monkeypatch.setattr(planning, "pace", lambda one, *_: Pace(1.0 if one.name == "popular" else 10.0, 0.0, 2.0))
    assert seconds(Cascade(algorithms=("popular", "trending")), size, Run()) == (11 * 12_000, 11 * 24_000)


def test_trees_grow_with_rows_and_never_stop_early() -> None:
    small, large = (Size(np.full(n, 20), np.full(400, n // 20), n * 20.0) for n in (1000, 2000))
    for algorithm in (GBT(), Stacked(algorithms=("popular",))):
        less, more = algorithm.cost(small), algorithm.cost(large)
        assert 1.8 * less.operations < more.operations < 2.2 * less.operations and less.memory > LIBRARY
        assert planning.shortened(algorithm).settings()["trees"] == planning.TREES < PATIENCE


def peak(algorithm: Algorithm, data: Dataset) -> int:
    """Return the most bytes that NumPy holds in a fit."""
    tracemalloc.start()
    algorithm.fit(data, run=Run(threads=1))
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held


def test_formulas_grow_as_they_should() -> None:
    def cost(algorithm: Algorithm, users: int, items: int) -> tuple[float, float]:
        each = np.full(users, 20)
        size = Size(each, np.full(items, users * 20 // items), users * 20.0)
        found = algorithm.cost(size)
        assert found is not None
        return found.memory, found.operations

    small, large = (cost(EASE(), 40_000, n) for n in (10_000, 20_000))
    assert large[0] / small[0] == pytest.approx(4, rel=0.3)
    small, large = (cost(ALS(rank=rank), 1000, 1000) for rank in (128, 256))
    assert large[0] / small[0] == pytest.approx(2, rel=0.1) and large[1] > 3.5 * small[1]
    assert cost(ALS(epochs=20), 1000, 1000)[1] > 1.5 * cost(ALS(epochs=10), 1000, 1000)[1]
    small, large = (cost(ItemKNN(neighbours=k), 10_000, 5000) for k in (100, 200))
    assert large[0] - small[0] == pytest.approx(2 * 8 * 100 * 5000)
    few, more = (cost(ItemKNN(neighbours=k), 100, 5000) for k in (100, 200))
    assert few == more  # no item meets a hundred
    size = Size(np.full(10, 5), np.full(5, 10), 50.0)
    light = Popular().cost(size)
    assert light is not None and fit_bytes(size, light) == planning.DERIVED * 50


def test_neighbours_are_those_that_can_be() -> None:
    generator = np.random.default_rng(0)
    dense = (generator.random((400, 300)) < np.linspace(0.3, 0.001, 300)).astype(np.int64)  # users by popularity alone
    dense = dense[:, dense.any(axis=0)][dense.any(axis=1)]
    meet = (dense.T @ dense > 0) & ~np.eye(dense.shape[1], dtype=bool)
    size = Size(dense.sum(axis=1), dense.sum(axis=0), float(dense.sum()))
    assert size.near(size.pairs).sum() == pytest.approx(meet.sum(), rel=0.1)
    assert size.near(size.pairs, 20).sum() == pytest.approx(np.minimum(meet.sum(axis=1), 20).sum(), rel=0.1)


@pytest.fixture
def about() -> pl.DataFrame:
    """2000 rows: 4 words and a number, two categories, a list of three."""
    chance = np.random.default_rng(0)
    word = np.array([f"word{n}" for n in range(400)])
    return pl.DataFrame(
        {
            "title": [" ".join(word[row]) for row in chance.integers(0, 400, (2000, 4))],
            "kind": word[chance.integers(0, 12, 2000)],
            "place": word[chance.integers(0, 5, 2000)],
            "tags": [word[row].tolist() for row in chance.integers(0, 30, (2000, 3))],
            "age": chance.integers(1, 90, 2000),
        }
    )


def test_formulas_of_attributes_tell_what_numpy_holds(about: pl.DataFrame) -> None:
    size = Size(np.full(2000, 30), np.full(2000, 30), 60_000.0, item_features=about, user_features=about)
    data = sample(size, 1.0, 0)
    pairs = data.matrix.nnz
    for algorithm in (Latest(), Demographic(), UserAttributeKNN(columns=("age",))):  # words are held by Polars
        held = peak(algorithm, data)
        cost = algorithm.cost(replace(size, pairs=pairs))
        assert cost is not None and 0.8 * held < cost.memory < 1.7 * held, algorithm.name


def test_words_are_counted(about: pl.DataFrame) -> None:
    size = Size(np.full(2000, 30), np.full(2000, 30), 60_000.0, item_features=about)
    found = {c: Content(columns=(c,)).cost(size).operations for c in about.columns}
    assert found["title"] == pytest.approx(8000, rel=0.3) and found["kind"] == found["age"] == 2000
    assert found["tags"] == 6000 and Content().cost(size).operations == pytest.approx(sum(found.values()))
    assert Content(columns=("title",), text=0.0).cost(size).operations == 0


def test_attributes_are_read_from_files(ratings: Path, tmp_path: Path, answer: Callable[..., dict[str, Any]]) -> None:
    items, users = tmp_path / "items.csv", tmp_path / "users.csv"
    items.write_text("item_id,title\n" + "".join(f"{i},the {i}th of all\n" for i in range(60)))
    users.write_text("user_id,place\n" + "".join(f"{u},{'north' if u % 2 else 'south'}\n" for u in range(200)))
    size = shape_of(ratings, item_file=items, user_file=users).size
    assert size.n_items == 60 and (size.item == 0).sum() == 10 and size.n_users == 200 and size.events == 6000
    assert size.item_features is not None and size.item_features.columns == ["title"] and len(size.item_features) == 60
    part = sample(size, 0.5, 0)
    assert part.item_features is not None and len(part.item_features) == part.n_items == 30
    told = answer("plan", str(ratings), "--algorithm", "content,demographic,userattributeknn", "--threads", "1",
                  "--items", str(items), "--users", str(users))  # fmt: skip
    assert all(one["fit_seconds"] > 0 for one in told["estimates"]) and not told["notes"]


def test_attributes_that_are_not_given_are_named(ratings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["plan", str(ratings), "--algorithm", "featuremf,popular", "--threads", "1"]) == 0
    assert "featuremf also learns from attributes" in capsys.readouterr().out
    with pytest.raises(UserError, match="--items"):
        plan(ratings, [Content()], run=Run(threads=1))


def test_a_file_without_times_is_no_data_for_latest(tmp_path: Path) -> None:
    views = tmp_path / "views.csv"
    views.write_text("user_id,item_id\n" + "\n".join(f"{u},{i}" for u in range(20) for i in range(5)))
    assert not shape_of(views).size.timed
    with pytest.raises(UserError, match="latest needs timestamps"):
        plan(views, [Latest()], run=Run(threads=1))


def test_a_part_has_a_share_of_the_events() -> None:
    part = Size(np.full(1000, 2), np.full(100, 20), 2000.0, 1000.0).part(0.25)
    assert part.events == part.pairs == 500 and part.item.sum() == 500 and part.ratings == 250
    assert (part.n_users, part.n_items) == (1000, 100) and set(part.user) == {0, 1}


def test_samples_are_like_the_data(ratings: Path) -> None:
    size = shape_of(ratings).size
    data = sample(size, 0.5, 0)
    assert data.n_users == 100 and data.n_items == 25
    assert len(data) == pytest.approx(25 * 100, rel=0.2)  # as active, but at most an event an item
    assert data.rated.all() and sample(size, 0.5, 0).fingerprint == data.fingerprint


def test_an_algorithm_without_a_formula_is_named(ratings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["plan", str(ratings), "--algorithm", "latest,popular", "--threads", "1"]) == 0
    assert "6,000 events of 200 users on 50 items" in capsys.readouterr().out
    found = plan(ratings, [Own(), Popular()], run=Run(threads=1))
    assert [one.job_bytes is None for one in found.estimates] == [True, False]
    assert found.notes == ["own has no formula yet: nothing is said of it"]


def test_a_plan_in_json(ratings: Path, answer: Callable[..., dict[str, object]]) -> None:
    told = answer("plan", str(ratings), "--algorithm", "als", "--set", "als.rank=8", "--threads", "1")
    assert told["n_events"] == 6000 and told["estimates"][0]["algorithm"] == "als"  # type: ignore[index]


def test_what_cannot_be_planned_is_said(ratings: Path, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("user_id,item_id\n")
    with pytest.raises(UserError):
        plan(tmp_path / "none.csv", [Popular()])
    views = tmp_path / "views.csv"
    views.write_text("user_id,item_id\n" + "\n".join(f"{u},{i}" for u in range(20) for i in range(5)))
    with pytest.raises(UserError, match="learns from ratings"):
        plan(views, [SVD()], run=Run(threads=1))


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_of_each_can_be_written(
    name: str, ratings: Path, answer: Callable[..., dict[str, list[dict[str, object]]]]
) -> None:
    told = answer("plan", str(ratings), "--algorithm", name, "--threads", "1")
    assert told["estimates"][0]["algorithm"] == name
