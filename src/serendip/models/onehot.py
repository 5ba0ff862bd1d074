"""What logistic regression and the factorisation machines share: which rows teach them, and when to stop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from serendip.arrays import CSR, F32, F64, I32, I64, pairs_of
from serendip.data.dataset import Dataset
from serendip.data.interactions import weigh
from serendip.errors import UserError
from serendip.kernels.fields import Features, Pairs, Steps, Weights, fields_epoch, fields_start
from serendip.metrics.discrimination import log_losses
from serendip.models.contract import Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.featuremodel import FeatureModel, FeatureRatings, attributed, rating
from serendip.models.fields import Fields
from serendip.models.stopping import CHECKS, best_epoch, judges, mean_ndcg

REDRAWS = 5  # of negatives that the user took
PAIR, DRAWN = 20, 57  # bytes of a row to learn from with its place, and of a negative while it is drawn
MADE = 65  # bytes of an event while its features are put together
START = 1.0  # of the sums of squared gradients


@dataclass(frozen=True)
class Lesson:
    """The rows that teach (N,): questions (N, n_features), items, labels; draws: negatives are drawn for each epoch."""

    rows: CSR
    item: I32
    label: F32
    draws: "Draws | None" = None

    def epoch(self, generator: np.random.Generator) -> Pairs:
        """Return the rows of one epoch."""
        query = np.arange(len(self.item), dtype=np.int32)
        if self.draws is None:
            return Pairs(query, self.item, self.label)
        of, item = self.draws(generator)
        label = np.concatenate([self.label, np.zeros(len(item), np.float32)])
        return Pairs(np.concatenate([query, of.astype(np.int32)]), np.concatenate([self.item, item]), label)


@dataclass(frozen=True)
class Draws:
    """Negatives: for each row `n` items that its user did not take, by popularity^power.

    user (N,); key: user * n_items + item of all that was taken, ascending; share (n_items,): cumulated chances.
    """

    user: I32
    key: I64
    share: F64
    n: int

    def __call__(self, generator: np.random.Generator) -> tuple[I64, I32]:
        """Return (row, item) of the negatives."""
        row = np.repeat(np.arange(len(self.user)), self.n)
        item = np.full(len(row), -1, np.int64)
        left = np.arange(len(row))
        for _ in range(REDRAWS):
            drawn = np.searchsorted(self.share, generator.random(len(left)), side="right")
            pair = self.user[row[left]].astype(np.int64) * len(self.share) + drawn
            at = np.minimum(np.searchsorted(self.key, pair), len(self.key) - 1)
            fresh = self.key[at] != pair
            item[left[fresh]] = drawn[fresh]
            left = left[~fresh]
        found = item >= 0
        return row[found], item[found].astype(np.int32)


def fit_fields(
    data: Dataset,
    name: str,
    steps: Steps,
    *,
    aware: bool,
    rank: int,
    epochs: int,
    init_std: float,
    negatives: int,
    popularity: float,
    clock: bool,
    run: Run,
) -> FeatureModel:
    """Return the model of the best epoch where the run has a validation part, of the last where it has none.

    Labels teach it where there are some; else, for the logistic loss, interactions beside drawn negatives, and for the
    squared loss ratings.

    Raises:
        UserError: there is nothing to learn from.
    """
    fields = Fields.of(data, clock=clock)
    lesson, mean = lesson_of(data, fields, name, steps.logistic, negatives, popularity)
    item_rows = fields.items(np.arange(data.n_items, dtype=np.int32), data.item_features)
    slots = len(fields.query) + len(fields.item) if aware else 1
    weights = fields_start(fields.of_feature, slots=slots, rank=rank, init_std=init_std, seed=run.seed)
    squares = Weights(weights.field, *(np.full_like(array, START) for array in weights[1:]))
    count = np.asarray(lesson.rows.sum(axis=0)).ravel() + item_rows.T @ np.bincount(lesson.item, minlength=data.n_items)
    seen = np.bincount(lesson.item, minlength=data.n_items) > 0
    known = seen | attributed(item_rows, fields)
    labelled = data.label is not None and steps.logistic

    def made(from_: Weights) -> FeatureModel:
        w, v = settled(from_, count, fields)
        model = FeatureModel(
            data.users, data.items, data.fitted_rules, fields, float(from_.bias[0]) + mean, w, v, item_rows, known,
            labelled,
        )  # fmt: skip
        low, high = (float(end) + mean for end in (lesson.label.min(), lesson.label.max()))
        return model if steps.logistic else rating(model, low, high)

    part = run.validation
    judge = None if part is None or not len(part) else judgement(data, part, run.threads)
    error = None if judge is None else (lambda w: judge(made(w)))
    learn = learning(weights, squares, lesson, item_rows, steps, epochs, run.seed)
    return made(best_epoch(weights, learn, error, n=epochs, what=name, run=run, every=max(1, epochs // CHECKS)))


def fields_cost(
    size: Size, *, aware: bool, rank: int, epochs: int, logistic: bool, negatives: int, clock: bool
) -> Cost:
    """Return what `fit_fields` costs without a validation part, labels and context but the clock."""
    fields = Fields.of_size(size, clock=clock)
    n = len(fields.query) + len(fields.item)
    weights = 4 * fields.n_features * (1 + (n if aware else 1) * rank)  # and squares, and a copy in the model
    lesson, rows = lesson_cost(size, fields, logistic, negatives), n_rows(size, logistic, negatives)
    together = n * (n if aware else 1) * rank + n
    return Cost(3 * weights + lesson + PAIR * rows, epochs * rows * together)


def n_rows(size: Size, logistic: bool, negatives: int) -> float:
    """Return how many rows an epoch has: what was taken with its negatives, or ratings."""
    return size.taken * (1 + negatives) if logistic else size.ratings


def lesson_cost(size: Size, fields: Fields, logistic: bool, negatives: int) -> float:
    """Return the bytes that `lesson_of` and the first epoch hold, at most."""
    n, width = (size.taken if logistic else size.ratings), WEIGHT * len(fields.query)
    items = 2.5 * WEIGHT * size.n_items * len(fields.item)
    key = WEIGHT * size.pairs if logistic else 0.0
    drawn = DRAWN * n * negatives if logistic else 0.0
    return items + key + n * width + max(n * (1.5 * width + MADE), drawn + PAIR * n_rows(size, logistic, negatives))


def learning(
    weights: Weights, squares: Weights, lesson: Lesson, item_rows: CSR, steps: Steps, epochs: int, seed: int
) -> Iterator[Weights]:
    """Give the weights after each epoch; they are updated in place."""
    queries, items = (Features(m.indptr.astype(np.int64), m.indices, m.data) for m in (lesson.rows, item_rows))
    for epoch in range(epochs):
        generator = np.random.default_rng((seed, epoch))
        pairs = lesson.epoch(generator)
        order = generator.permutation(len(pairs.label))
        fields_epoch(weights, squares, queries, items, pairs, order, steps)
        yield weights


def lesson_of(
    data: Dataset, fields: Fields, name: str, logistic: bool, negatives: int, popularity: float
) -> tuple[Lesson, float]:
    """Return what there is to learn from, and the mean that is taken off the labels."""
    if logistic and data.label is None:
        learnable(data, name)
        key = pairs_of(data.matrix)
        taken = weigh(data.history.events, data.fitted_rules) > 0
        taken &= np.isin(data.user.astype(np.int64) * data.n_items + data.item, key)
        some = data.where(taken)
        times = np.bincount(some.item, minlength=data.n_items).astype(np.float64)
        chance = np.where(times > 0, np.maximum(times, 1) ** popularity, 0)
        draws = Draws(some.user, key, np.cumsum(chance) / chance.sum(), negatives)
        return Lesson(fields.rows(some), some.item, np.ones(len(some), np.float32), draws), 0.0
    told = data.label if logistic else data.value
    some = data if told is None else data.where(~np.isnan(told) if logistic else data.rated)
    if told is None or not len(some):
        raise UserError(
            f"{name} has nothing to learn from: of {len(data)} events none has a {'label' if logistic else 'rating'}"
        )
    given = some.label if logistic else some.value
    assert given is not None
    mean = 0.0 if logistic else float(given.mean(dtype=np.float64))
    return Lesson(fields.rows(some), some.item, (given - np.float32(mean)).astype(np.float32)), mean


def settled(weights: Weights, count: F64, fields: Fields) -> tuple[F32, F32]:
    """Return w and v in which a feature that was never met has the mean of those of its field that were, as often."""
    w, v = weights.w.copy(), weights.v.copy()
    for a, b in zip(fields.first[:-1], fields.first[1:], strict=True):
        met = count[a:b]
        if met.any():
            w[a:b][met == 0] = met @ w[a:b] / met.sum()
            v[a:b][met == 0] = np.tensordot(met, v[a:b], 1) / met.sum()
        else:
            v[a:b] = 0
    return w, v


def judgement(data: Dataset, validation: Dataset, threads: int | None) -> Callable[[FeatureModel], float]:
    """Return what tells the error of a model on a validation part.

    With labels the log loss, of ratings the squared error, else minus NDCG@20 of the slates.
    """
    user = validation.user.astype(np.int32)
    rows = validation.queries(user)
    about = None if data.user_features is None else rows.user_features
    asked = type(rows)(rows.user, rows.history, validation.timestamp, validation.context, about)
    who, withheld = judges(data, validation)
    first = np.searchsorted(validation.user, who)
    seen = data.queries(who).history.lists

    def judge(model: FeatureModel) -> float:
        if model.probability and validation.label is not None:
            score = model.score(asked, validation.item[:, None])[:, 0]
            return float(log_losses(validation.label, np.where(np.isnan(score), 0.5, score)).mean())
        if isinstance(model, FeatureRatings) and validation.value is not None:
            given = ~np.isnan(validation.value)
            error = model.predict(asked, validation.item)[given] - validation.value[given]
            return float(np.square(error).mean())
        slates = model.recommend(asked.rows(first), min(20, data.n_items), exclude=seen)
        return -mean_ndcg(slates.item, withheld)

    return judge
