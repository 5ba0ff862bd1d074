"""How a model is judged: its slates against what was taken, its scores against labels, its predictions against values.

Anything that has `recommend(queries, k)` can be ranked: models, pipelines, hybrids, and what is not ours. Where
candidates are given and the model scores them, items with equal scores count in every order alike (metrics.ties);
otherwise a slate decides its own ties. An item that a model cannot score (NaN) is never recommended, so never a hit.
"""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from serendip.arrays import F32, F64, I32, ItemLists, offsets
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.errors import UserError
from serendip.evaluation.beyond import Beyond
from serendip.evaluation.measured import Measured, PooledAUC, UserMean
from serendip.evaluation.task import Task, is_in
from serendip.metrics import ranking, ties
from serendip.metrics.discrimination import auc_by_user, log_losses
from serendip.metrics.name import Metric
from serendip.metrics.rating import absolute_errors, squared_errors
from serendip.metrics.users import by_user
from serendip.models.contract import Model, Predicts, Progress

USERS = 8192  # users whose slates are asked for at once
SCORES = 8_000_000  # scores held at once where they are judged themselves: some 600 MB with what ties need
HISTORIES = 4_000_000  # history events held at once where values are predicted row by row


@runtime_checkable
class Recommends(Protocol):
    """Makes slates. It may take `candidates` and `exclude` too (ItemLists or None); where it does not, what its
    slates hold of the excluded items counts as missed."""

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the k best items of each query."""
        ...


@runtime_checkable
class Scores(Protocol):
    """Gives a number to an item, comparable within one query; NaN where it knows nothing."""

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        """Return the score of every item (B, n_items), or of the given ones (B, m)."""
        ...


def judge(
    model: object, task: Task, metrics: Sequence[Metric], *, name: str = "the model", progress: Progress | None = None
) -> dict[Metric, Measured]:
    """Return each metric of a model on a task, in the order of `metrics`.

    Raises:
        UserError: the model cannot give a metric, or the test part lacks what a metric needs.
    """
    kinds = [m.definition.kind for m in metrics]
    of_kind = {kind: [m for m in metrics if m.definition.kind == kind] for kind in kinds}
    found: dict[Metric, Measured] = {}
    scored = task.candidates is not None and isinstance(model, Scores)
    on_slates = of_kind.get("beyond accuracy", []) + ([] if scored else of_kind.get("ranking", []))
    if scored and isinstance(model, Scores) and "ranking" in of_kind:
        found |= rank_scores(model, task, of_kind["ranking"], progress=progress)
    if on_slates:
        if not isinstance(model, Recommends):
            raise UserError(f"{name} makes no slates, and {on_slates[0]} is about slates")
        found |= rank(model, task, on_slates, progress=progress)
    if "rating" in of_kind:
        first = of_kind["rating"][0]
        if not isinstance(model, Predicts):  # it was fitted to implicit feedback
            raise UserError(f"{name} predicts no values and cannot give {first}: use an algorithm for ratings, as svd")
        found |= rate(model, task, of_kind["rating"], progress=progress)
    if "discrimination" in of_kind:
        if not isinstance(model, Scores):
            raise UserError(f"{name} gives slates without scores and cannot give {of_kind['discrimination'][0]}")
        found |= discriminate(model, task, of_kind["discrimination"], progress=progress)
    return {m: found[m] for m in metrics}


def rank(
    model: Recommends, task: Task, metrics: Sequence[Metric], *, progress: Progress | None = None
) -> dict[Metric, Measured]:
    """Return metrics of the slates: of ranking, and beyond accuracy."""
    k = max(m.k or 1 for m in metrics)
    ranked = [m for m in metrics if m.definition.kind == "ranking"]
    accuracy = np.empty((len(ranked), len(task)))
    beyond = Beyond(task, [m for m in metrics if m not in ranked])
    for at in blocks(len(task), USERS, "evaluate: users", progress):
        slates = slates_of(model, task, at, k)
        hit, accuracy[:, at] = ranking.measured(
            slates.item, task.relevant.offset[at.start : at.stop + 1], task.relevant.item, task.n_relevant[at],
            [(m.name, m.k or 1) for m in ranked],
        )  # fmt: skip
        beyond.add(at, slates, hit)
    return {m: UserMean(v) for m, v in zip(ranked, accuracy, strict=True)} | beyond.measured()


def slates_of(model: Recommends, task: Task, at: slice, k: int) -> Slates:
    """Return the slates of some of the users; where the model cannot leave items out, they are struck from them."""
    queries = task.queries.rows(at)
    exclude = None if task.exclude is None else task.exclude.rows(at)
    candidates = None if task.candidates is None else task.candidates.rows(at)
    if isinstance(model, Model):
        return model.recommend(queries, k, candidates, exclude)
    takes = inspect.signature(model.recommend).parameters
    given = {name: lists for name, lists in (("candidates", candidates), ("exclude", exclude)) if name in takes}
    return struck(model.recommend(queries, k, **given), candidates, exclude)


def struck(slates: Slates, candidates: ItemLists | None, exclude: ItemLists | None) -> Slates:
    """Return slates with -1 in place of items that are repeated, excluded or no candidates."""
    item = slates.item
    b, k = item.shape
    order = np.argsort(item, axis=1, kind="stable")
    in_order = np.take_along_axis(item, order, axis=1)
    again = np.zeros((b, k), np.bool_)
    np.put_along_axis(again, order[:, 1:], in_order[:, 1:] == in_order[:, :-1], axis=1)
    shown = ItemLists.table(item)
    if exclude is not None:
        again |= is_in(shown, exclude).reshape(b, k)
    if candidates is not None:
        again |= ~is_in(shown, candidates).reshape(b, k)
    return Slates(np.where(again, np.int32(-1), item), np.where(again, np.float32(np.nan), slates.score))


def rank_scores(
    model: Scores, task: Task, metrics: Sequence[Metric], *, progress: Progress | None = None
) -> dict[Metric, Measured]:
    """Return ranking metrics of scored candidates; of two that tie, each is ahead half of the time."""
    k = max(m.k or 1 for m in metrics)
    assert task.candidates is not None
    values = {m: np.empty(len(task)) for m in metrics}
    for at, item, score in scored_blocks(model, task, task.candidates, progress):
        part = task.candidates.rows(at)
        relevant = np.zeros(item.shape, np.bool_)
        relevant[part.row, part.place] = is_in(part, task.relevant.rows(at))
        tied = ties.tied(score, relevant & ~np.isnan(score), k, item >= 0)
        for metric, value in values.items():
            value[at] = ties.FUNCTIONS[metric.name](tied, task.n_relevant[at], metric.k or 1)
    return {m: UserMean(v) for m, v in values.items()}


def rate(
    model: Predicts, task: Task, metrics: Sequence[Metric], *, progress: Progress | None = None
) -> dict[Metric, Measured]:
    """Return errors of the values predicted for the test rows that have one, of unknown users and items too.

    Raises:
        UserError: no test row has a value, or a prediction is not finite.
    """
    rows = task.rows
    if rows.value is None:
        raise UserError(f"{metrics[0]} needs a column 'value' in the test part, and there is none")
    at_row = np.flatnonzero(~np.isnan(rows.value))
    query, item, value = rows.query[at_row], rows.item[at_row], rows.value[at_row]
    predicted = np.empty(len(value), np.float32)
    mean_length = len(task.queries.history.item) / max(len(task), 1)
    for at in blocks(len(value), max(1, int(HISTORIES / max(mean_length, 1))), "evaluate: rows", progress):
        predicted[at] = model.predict(task.queries.rows(query[at]), item[at])
    errors = {"mae": absolute_errors, "mse": squared_errors, "rmse": squared_errors}
    found: dict[Metric, Measured] = {}
    for metric in metrics:
        mean, weight = by_user(errors[metric.name](value, predicted), query, len(task))
        found[metric] = UserMean(mean, weight, np.sqrt if metric.name == "rmse" else None)
    return found


def discriminate(
    model: Scores, task: Task, metrics: Sequence[Metric], *, progress: Progress | None = None
) -> dict[Metric, Measured]:
    """Return auc and logloss: pooled over all rows where there are labels, else auc a user over all unseen items.

    Raises:
        UserError: log loss without labels, or of scores that are no probabilities.
    """
    rows = task.rows
    if rows.label is None:
        if any(m.name == "logloss" for m in metrics):
            raise UserError("logloss needs a column 'label' (1 or 0) in the test part, and there is none")
        return {m: UserMean(auc_of_users(model, task, progress)) for m in metrics}
    score = row_scores(model, task, progress)
    found: dict[Metric, Measured] = {}
    for metric in metrics:
        if metric.name == "auc":
            found[metric] = PooledAUC(rows.label, score, rows.query, len(task))
        else:
            found[metric] = UserMean(*by_user(log_losses(rows.label, score), rows.query, len(task)))
    return found


def auc_of_users(model: Scores, task: Task, progress: Progress | None = None) -> F64:
    """Return each user's AUC over the items not in the history, or over its candidates.  # (B,)"""
    value = np.empty(len(task))
    if task.candidates is not None:
        for at, item, score in scored_blocks(model, task, task.candidates, progress):
            offered, part = task.candidates.rows(at), task.relevant.rows(at)
            found = is_in(offered, part)
            indptr = offsets(np.bincount(offered.row[found], minlength=len(part)))
            lost = np.bincount(part.row[part.item >= task.train.n_items], minlength=len(part))
            value[at] = auc_by_user(score, indptr, offered.place[found], item < 0, np.diff(indptr) + lost)
        return value
    n_items = task.train.n_items
    for at in blocks(len(task), max(1, SCORES // max(n_items, 1)), "evaluate: users", progress):
        part = task.relevant.rows(at)
        seen = np.zeros((len(part), n_items), np.bool_)
        if task.exclude is not None:
            out = task.exclude.rows(at)
            seen[out.row, out.item] = True
        known = part.item < n_items
        indptr = offsets(np.bincount(part.row[known], minlength=len(part)))
        score = model.score(task.queries.rows(at))
        value[at] = auc_by_user(score, indptr, part.item[known], seen, np.diff(part.offset))
    return value


def row_scores(model: Scores, task: Task, progress: Progress | None = None) -> F32:
    """Return the score of each test row: one query a row where rows have a context, else one a user.  # (n,)"""
    rows = task.rows
    score = np.empty(len(rows.item), np.float32)
    if rows.context:
        step = max(1, SCORES // max(task.train.n_items, 1))
        for at in blocks(len(score), step, "evaluate: rows", progress):
            queries = replace(
                task.queries.rows(rows.query[at]),
                timestamp=None if rows.timestamp is None else rows.timestamp[at],
                context={name: column[at] for name, column in rows.context.items()},
            )
            score[at] = model.score(queries, rows.item[at, None])[:, 0]
        return score
    offset = np.searchsorted(rows.query, np.arange(len(task) + 1))
    every = ItemLists(offset.astype(np.int64), rows.item)
    for at, _, table in scored_blocks(model, task, every, progress):
        part = every.rows(at)
        score[offset[at.start] : offset[at.stop]] = table[part.row, part.place]
    return score


def scored_blocks(
    model: Scores, task: Task, items: ItemLists, progress: Progress | None
) -> Iterator[tuple[slice, I32, F32]]:
    """Give blocks of users with the padded table of their items and its scores.  # (b, m), (b, m)"""
    step = max(1, SCORES // max(task.train.n_items, int(np.diff(items.offset).max(initial=1))))
    for at in blocks(len(task), step, "evaluate: users", progress):
        item = items.rows(at).padded()
        yield at, item, model.score(task.queries.rows(at), item)


def blocks(n: int, step: int, what: str, progress: Progress | None) -> Iterator[slice]:
    """Give consecutive slices of n, and tell the progress after each."""
    for b in range(0, n, step):
        e = min(b + step, n)
        yield slice(b, e)
        if progress is not None:
            progress(what, e, n)
