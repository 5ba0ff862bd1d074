"""What every algorithm has to keep, one function a promise; each raises AssertionError where it is broken."""

import dataclasses
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from serendip.arrays import F32, I32, ItemLists
from serendip.checks.toys import RULES, Toy, checkerboard, planted
from serendip.data.dataset import Dataset
from serendip.data.queries import History, Queries, ask
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Explains, Model, Predicts, Run, Similar
from serendip.models.popular import Popular
from serendip.models.within import reads_users
from serendip.store.artefacts import load, save

Promise = Callable[[Algorithm], None]
PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Check:
    """One promise: `run` raises AssertionError where an algorithm breaks it, if it `applies` to it."""

    name: str
    promise: Promise
    personal: bool = False  # only for algorithms that use a user or a history
    ranked: bool = False  # only for algorithms that are made to rank
    scored: bool = False  # for whatever has `score(queries)` too, and no more

    def applies(self, algorithm: Algorithm) -> bool:
        """Return whether the promise is one that this algorithm makes."""
        if self.ranked and not algorithm.ranks:
            return False
        return not self.personal or bool(algorithm.uses & {"user", "history"})

    def run(self, algorithm: Algorithm) -> None:
        """Raise AssertionError, with a sentence, where the promise is broken; what is raised meanwhile breaks it."""
        try:
            self.promise(algorithm)
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}{where(error)}: {error}") from error


def where(error: Exception) -> str:
    """Return the last line outside this library and others that an error came through, in words."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith(str(PACKAGE))]
    return f" in {own[-1].name}, line {own[-1].lineno} of {Path(own[-1].filename).name}" if own else ""


def small() -> Dataset:
    """Return the data set that most checks fit."""
    return checkerboard().data


def events(user: list[str], item: list[str]) -> Dataset:
    """Return a data set of some events, all of them ratings of 5."""
    n = len(user)
    frame = pl.DataFrame(
        {"user_id": user, "item_id": item, "value": [5.0] * n, "timestamp": list(range(n)), "type": ["rating"] * n},
        schema={name: EVENT_SCHEMA[name] for name in ("user_id", "item_id", "value", "timestamp", "type")},
    )
    titled = sorted(set(item))
    items = pl.DataFrame(
        {"item_id": titled, "title": [f"lamp number {i}" for i in titled]}, schema_overrides={"item_id": pl.String}
    )
    people = sorted(set(user))
    users = pl.DataFrame(
        {"user_id": people, "age": [20.0 + 10 * (n % 3) for n in range(len(people))]},
        schema_overrides={"user_id": pl.String, "age": pl.Float64},
    )
    return Dataset.of(Tables(frame, items, users), RULES)


def fitted(algorithm: Algorithm, data: Dataset, run: Run = Run()) -> Model:
    """Return what a fit comes to, which has to be a model."""
    model = algorithm.fit(data, run=run)
    assert isinstance(model, Model), (
        f"fit returned {type(model).__name__}, which is no serendip.models.contract.Model: return a fitted shape, as "
        "ItemWeights or Factors, or a model class of your own"
    )
    return model


def scores(model: Model, queries: Queries, item: I32 | None = None) -> F32:
    """Return the scores of a model, which have to be finite floats or NaN, one for each item of each query."""
    score = model.score(queries) if item is None else model.score(queries, item)
    m, what = (model.n_items, "items") if item is None else (item.shape[1], "given items")
    shape = (len(queries), m)
    assert isinstance(score, np.ndarray), f"score gave a {type(score).__name__} and not an array of shape {shape}"
    assert score.shape == shape, f"score gave the shape {score.shape} for {len(queries)} queries and {m} {what}"
    assert score.dtype.kind == "f", f"score gave {score.dtype} and not floats, of which NaN says: nothing is known"
    assert not np.isinf(score).any(), "a score is infinite: NaN says that nothing is known of an item"
    return score


def same(a: F32, b: F32, what: str, tolerance: float = 1e-4) -> None:
    """Assert that two arrays of scores agree."""
    assert a.shape == b.shape, f"{what}: shapes {a.shape} and {b.shape}"
    near = np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    if not near.all():
        at = tuple(int(n) for n in np.argwhere(~near)[0])
        raise AssertionError(
            f"{what}: {(~near).sum()} of {near.size} scores differ, as {a[at]:g} and {b[at]:g} at {at}"
        )


def configuration(algorithm: Algorithm) -> None:
    """Settings round-trip, cannot be changed afterwards, and an unknown name is refused with the nearest."""
    again = type(algorithm).configured(algorithm.settings())
    assert again == algorithm, "configured(settings()) is another algorithm"
    try:
        type(algorithm).configured({"no_such_hyperparameter": 1})
    except UserError as error:
        assert "no_such_hyperparameter" in str(error)
    else:
        raise AssertionError("an unknown hyperparameter was taken")
    for field in dataclasses.fields(algorithm):
        try:
            setattr(algorithm, field.name, getattr(algorithm, field.name))
        except dataclasses.FrozenInstanceError:
            continue
        raise AssertionError(f"{field.name} can be set after construction")
    for name, hyperparameter in algorithm.hyperparameters().items():
        assert len(hyperparameter.doc) > 10, f"{name} has no docstring"


def input_untouched(algorithm: Algorithm) -> None:
    """A fit leaves its data as it was."""
    data = small()
    before, raw = data.fingerprint, data.matrix.copy()
    fitted(algorithm, data)
    assert dataclasses.replace(data).fingerprint == before, "the data changed during the fit"
    assert np.array_equal(raw.data, data.matrix.data) and np.array_equal(raw.indices, data.matrix.indices), (
        "the interaction matrix changed during the fit"
    )


def reproducible(algorithm: Algorithm) -> None:
    """The same seed gives the same scores, with one thread or two."""
    data = small()
    queries = data.queries()
    first, second = (scores(fitted(algorithm, data, Run(seed=5, threads=n)), queries) for n in (1, 2))
    assert np.array_equal(first, second, equal_nan=True), "the same data and seed gave other scores the second time"


def odd_data(algorithm: Algorithm) -> None:
    """One user, one item, a user without events, the same event twice: no crash, and the shape is right."""
    for user, item in (
        (["a"], ["x"]),
        (["a", "a", "a"], ["x", "y", "z"]),
        (["a", "b", "c"], ["x", "x", "x"]),
        (["a", "a", "b", "b"], ["x", "x", "x", "y"]),
    ):
        data = events(user, item)
        model = fitted(algorithm, data)
        queries = Queries(np.array([0, -1], np.int32), History(np.array([0, 1, 1]), np.array([0], np.int32)))
        scores(model, queries)
        slates = model.recommend(queries, 3)
        assert slates.item.shape == (2, 3), "a slate does not have exactly k columns"


def nothing(algorithm: Algorithm) -> None:
    """Nothing to learn from is one clear sentence."""
    try:
        algorithm.fit(events([], []))
    except UserError as error:
        assert len(str(error)) > 20
    else:
        raise AssertionError("a fit on no events came to a model")


def batches(algorithm: Algorithm) -> None:
    """A batch scores as its queries do one by one; given items score as the slice; padding scores NaN."""
    data = small()
    model, queries = fitted(algorithm, data), data.queries()
    uneven = ask([[0, 2, 4, 6, 8], [1], [3, 0]], [[5] * 5, [5], [5, 1]])
    for asked in (queries, uneven):
        one = np.concatenate([scores(model, asked.rows(slice(b, b + 1))) for b in range(len(asked))])
        same(scores(model, asked), one, "a batch, and its queries one by one")
    whole = scores(model, queries)
    item = np.tile(np.array([3, 0, -1, 5], np.int32), (len(queries), 1))
    given = scores(model, queries, item)
    same(given[:, [0, 1, 3]], whole[:, [3, 0, 5]], "given items and slice")
    assert np.isnan(given[:, 2]).all(), "padding has a score"


def relabelled(algorithm: Algorithm) -> None:
    """Other ids for the same events give the same scores."""
    first, second = checkerboard().data, checkerboard(prefix="other-").data
    a, b = (scores(fitted(algorithm, d, Run(seed=1)), d.queries()) for d in (first, second))
    same(a, b, "ids and other ids")


def unknown(algorithm: Algorithm) -> None:
    """An item that was never seen scores NaN, unless features tell of it."""
    if "item_features" in algorithm.uses:
        return
    data = small()
    longer = dataclasses.replace(data, items=data.items.extend(["never seen"]), item_features=None)
    score = scores(fitted(algorithm, longer), data.queries())
    assert np.isnan(score[:, -1]).all(), "an item without events has a score: NaN says that nothing is known of it"


def newer(algorithm: Algorithm) -> None:
    """Users and items that came after the fit, whose indices lie beyond the tables, change nothing and score NaN."""
    model = fitted(algorithm, small())
    beyond = Queries(np.array([10_000], np.int32), History(np.array([0, 2]), np.array([1, 9_999], np.int32)))
    plain = Queries(np.array([-1], np.int32), History(np.array([0, 1]), np.array([1], np.int32)))
    score = scores(model, plain)
    same(scores(model, beyond), score, "a newcomer, and one of a newer number with a newer item besides")
    given = scores(model, plain, np.array([[model.n_items, 3, 9_999]], np.int32))
    same(given, np.array([[np.nan, score[0, 3], np.nan]], np.float32), "an item between two newer ones, and the slice")


def queries_untouched(algorithm: Algorithm) -> None:
    """A model leaves the queries as they were: others are asked the same ones."""
    data = small()
    model, queries, again = fitted(algorithm, data), data.queries(), data.queries()
    scores(model, queries)
    model.recommend(queries, 3)
    for part, before in ((queries, again), (queries.history, again.history)):
        for field in dataclasses.fields(part):
            now, then = getattr(part, field.name), getattr(before, field.name)
            if isinstance(now, np.ndarray):
                assert np.array_equal(now, then), f"score or recommend changed the {field.name} of the queries"


def slates(algorithm: Algorithm) -> None:
    """Exactly k columns, descending, no item twice, exclusions and candidates kept, equal to sorting the scores."""
    data = small()
    model, queries = fitted(algorithm, data), data.queries()
    k, n = 7, data.n_items
    seen = queries.history.lists
    generator = np.random.default_rng(2)
    picked = np.stack([np.sort(generator.permutation(n)[:9]).astype(np.int32) for _ in range(len(queries))])
    candidates = ItemLists.table(picked)
    for given, out in ((None, None), (None, seen), (candidates, None), (candidates, seen)):
        got = model.recommend(queries, k, given, out)
        assert got.item.shape == got.score.shape == (len(queries), k), "not exactly k columns"
        expected = sorted_slates(model, queries, k, given, out)
        filled = got.item >= 0
        there, left = filled.sum(axis=1), (expected >= 0).sum(axis=1)
        b = int(np.argmax(there != left))
        assert there[b] == left[b], f"a slate of {there[b]} items where scores, candidates, exclusions leave {left[b]}"
        assert np.array_equal(filled, expected >= 0), "a slate has a gap: -1 stands at its end alone"
        for b in range(len(queries)):
            row, score = got.item[b][filled[b]], got.score[b][filled[b]]
            assert len(set(row.tolist())) == len(row), "an item twice in a slate"
            assert (np.diff(score) <= 0).all(), "scores do not descend"
            if out is not None:
                assert not np.isin(row, out[b]).any(), "an excluded item"
            if given is not None:
                assert np.isin(row, picked[b]).all(), "an item that was no candidate"
        ours, best = scores(model, queries, got.item)[filled], scores(model, queries, expected)[filled]
        same(ours, best, "slates and sorted scores", 1e-5)  # equal up to rounding; equal scores may only swap places
        agree = (got.item == expected).mean()
        assert agree > 0.9, f"slates differ from the sorted scores in {1 - agree:.1%} of the positions"


def sorted_slates(model: Model, queries: Queries, k: int, given: ItemLists | None, out: ItemLists | None) -> I32:
    """Return what sorting the scores gives.  # (B, k)"""
    score = scores(model, queries).astype(np.float64)
    for b in range(len(queries)):
        if out is not None:
            score[b, out[b]] = np.nan
        if given is not None:
            keep = np.zeros(score.shape[1], np.bool_)
            keep[given[b]] = True
            score[b, ~keep] = np.nan
    order = np.stack([np.lexsort((model.items.tie, -row)) for row in score])[:, :k].astype(np.int32)
    taken = np.where(np.isnan(np.take_along_axis(score, order, axis=1)), np.int32(-1), order)
    return np.pad(taken, ((0, 0), (0, k - taken.shape[1])), constant_values=-1).astype(np.int32)


def finds_the_withheld(algorithm: Algorithm) -> None:
    """The withheld square of a checkerboard comes first among the items not seen."""
    toy = checkerboard()
    model = fitted(algorithm, toy.data)
    queries = toy.data.queries()
    first = model.recommend(queries, 1, exclude=queries.history.lists).item[:, 0]
    hit = (first == toy.withheld.item).mean()
    assert hit > 0.9, f"found the withheld item of {hit:.0%} of the users"


def recall(model: Model, toy: Toy, k: int = 10) -> float:
    """Return the mean share of the withheld items among the first k."""
    queries = toy.data.queries()
    got = model.recommend(queries, k, exclude=queries.history.lists).item
    rows = [np.isin(toy.withheld[b], got[b]).mean() for b in range(len(queries))]
    return float(np.mean(rows))


def beats_popularity(algorithm: Algorithm) -> None:
    """On tastes of low rank a personal method is better than popularity."""
    toy = planted()
    ours, popular = recall(fitted(algorithm, toy.data), toy), recall(Popular().fit(toy.data), toy)
    assert ours > 1.15 * popular, f"recall@10 {ours:.3f}, popularity {popular:.3f}"


def newcomers(algorithm: Algorithm) -> None:
    """Who brings a history and is no user yet gets what a user with that history would: no other item is unknown."""
    if "history" not in algorithm.uses:
        return
    data = small()
    model = fitted(algorithm, data)
    queries = ask([[0, 1], [2], []], [[5, 5], [5], []])
    got = model.recommend(queries, 5, exclude=queries.history.lists)
    assert (got.item[:2] >= 0).all(), "a newcomer with a history got no full slate"


def reads(algorithm: Algorithm) -> None:
    """A model that does not say that it reads a query's user features scores the same without them."""
    for data in (small(), planted().data):
        model, queries = fitted(algorithm, data), data.queries()
        if not reads_users(model):
            bare = dataclasses.replace(queries, user_features=None)
            same(scores(model, bare), scores(model, queries), "scores without user features, and with them", 0)


def persists(algorithm: Algorithm) -> None:
    """Scores are the same after saving and loading."""
    data = small()
    model, queries = fitted(algorithm, data), data.queries()
    with tempfile.TemporaryDirectory() as folder:
        try:
            save(model, Path(folder) / "model", {"algorithm": algorithm.name, "hyperparameters": algorithm.settings()})
        except TypeError as error:
            raise AssertionError(
                f"a model of class {type(model).__name__} cannot be kept and served: return a fitted shape, as "
                "ItemWeights or Factors, or name the class in serendip.registry.SHAPES"
            ) from error
        again = load(Path(folder) / "model")
        assert np.array_equal(model.score(queries), again.score(queries), equal_nan=True), "other scores after loading"
        assert again.items == model.items and again.users == model.users


def explains(algorithm: Algorithm) -> None:
    """The contributions to a score sum to it."""
    data = small()
    model, queries = fitted(algorithm, data), data.queries()
    if not isinstance(model, Explains):
        return
    item = model.recommend(queries, 1).item[:, 0]
    parts = model.explain(queries, item)
    assert len(parts.offset) == len(queries) + 1
    total = np.array([parts.weight[a:b].sum() for a, b in zip(parts.offset[:-1], parts.offset[1:], strict=True)])
    same(total.astype(np.float32), model.score(queries, item[:, None])[:, 0], "contributions and score", 1e-3)
    many = model.recommend(queries.rows(slice(0, 3)), 2)
    of, items = np.repeat(np.arange(3), 2), many.item.ravel()
    there = items >= 0
    told = model.explain(queries.rows(slice(0, 3)), items[there], of[there])
    summed = np.array([told.weight[a:b].sum() for a, b in zip(told.offset[:-1], told.offset[1:], strict=True)])
    same(summed.astype(np.float32), many.score.ravel()[there], "contributions and scores of slates", 1e-3)
    assert parts.reason.max(initial=0) < len(parts.reasons)
    assert len(model.explain(ask([[]]), item[:1]).offset) == 2, "an empty history cannot be explained"
    none = model.explain(queries, item[:0], np.empty(0, np.int64))
    assert len(none.offset) == 1 and not len(none.weight), "no items cannot be explained"


def similar_items(algorithm: Algorithm) -> None:
    """Similar items leave out the item itself, descend and repeat nothing."""
    data = small()
    model = fitted(algorithm, data)
    if not isinstance(model, Similar):
        return
    item = np.arange(data.n_items, dtype=np.int32)
    got = model.similar(item, 5)
    assert got.item.shape == (data.n_items, 5)
    assert not (got.item == item[:, None]).any(), "an item is similar to itself"
    for row, score in zip(got.item, got.score, strict=True):
        there = row[row >= 0]
        assert len(set(there.tolist())) == len(there)
        assert (np.diff(score[row >= 0]) <= 0).all()


def predicts(algorithm: Algorithm) -> None:
    """Ratings are predicted for everyone and everything, on the scale of the data."""
    data = small()
    model = fitted(algorithm, data)
    if not isinstance(model, Predicts):
        return
    queries = Queries(np.array([0, -1, 10_000], np.int32), data.queries(np.array([0, -1, 10_000], np.int32)).history)
    for item in (np.array([0, 1, 2], np.int32), np.array([-1, 9_999, 3], np.int32)):
        rating = model.predict(queries, item)
        assert rating.shape == (3,) and np.isfinite(rating).all(), "a rating is missing"
        assert (rating >= 1).all() and (rating <= 5).all(), f"a rating lies outside the scale: {rating}"


def threads_agree(algorithm: Algorithm) -> None:
    """Eight threads that ask one model at once get the same answers."""
    data = small()
    model, queries = fitted(algorithm, data), data.queries()
    alone = model.recommend(queries, 5).item
    with ThreadPoolExecutor(8) as pool:
        for other in pool.map(lambda _: model.recommend(queries, 5).item, range(16)):
            assert np.array_equal(alone, other), "a thread got another slate"


CHECKS: tuple[Check, ...] = (
    Check("configuration", configuration),
    Check("input untouched", input_untouched, scored=True),
    Check("queries untouched", queries_untouched, scored=True),
    Check("reproducible", reproducible, scored=True),
    Check("odd data", odd_data, scored=True),
    Check("nothing", nothing),
    Check("batches", batches, scored=True),
    Check("relabelled", relabelled, scored=True),
    Check("unknown", unknown),
    Check("newer", newer, scored=True),
    Check("slates", slates, scored=True),
    Check("finds the withheld", finds_the_withheld, personal=True),
    Check("beats popularity", beats_popularity, personal=True, ranked=True),
    Check("newcomers", newcomers, personal=True),
    Check("reads", reads),
    Check("persists", persists),
    Check("explains", explains),
    Check("similar items", similar_items),
    Check("predicts", predicts),
    Check("threads agree", threads_agree, scored=True),
)
