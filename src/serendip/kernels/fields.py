"""Linear terms and factors of features that belong to fields, by AdaGrad, one row after the other.

Rendle, "Factorization Machines", ICDM 2010, doi:10.1109/ICDM.2010.127; Juan, Zhuang, Chin, Lin, "Field-aware
Factorization Machines for CTR Prediction", RecSys 2016, doi:10.1145/2959100.2959134; Duchi, Hazan, Singer, "Adaptive
Subgradient Methods", JMLR 12, 2011.
"""

import math
from typing import NamedTuple

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.errors import UserError
from serendip.kernels import compiled
from serendip.kernels.csr import check_csr


class Features(NamedTuple):
    """Compressed rows of features: (n + 1,) where each row's begin, (nnz,) features, (nnz,) values."""

    indptr: I64
    indices: I32
    values: F32


class Pairs(NamedTuple):
    """The rows to learn from: which query and which item (N,), and the label (N,): 0 or 1, or a number to predict."""

    query: I32
    item: I32
    label: F32


class Weights(NamedTuple):
    """score = bias + sum_a x_a w_a + sum_(a < b) x_a x_b v[a, slot of b]' v[b, slot of a].

    field (n_features,) int32 is the slot of a feature where v has one a field; with one slot it is 0 for all.
    """

    field: I32
    bias: F32  # (1,)
    w: F32  # (n_features,)
    v: F32  # (n_features, slots, rank)


class Steps(NamedTuple):
    """Which loss; step size; penalties on squared factors and linear weights of a row's features, at each row."""

    logistic: bool
    learning_rate: float
    l2: float
    l2_linear: float


def fields_start(field: I32, *, slots: int, rank: int, init_std: float, seed: int) -> Weights:
    """Return weights of zero and normal factors of standard deviation `init_std`."""
    n = len(field)
    v = np.float32(init_std) * np.random.default_rng(seed).standard_normal((n, slots, rank), np.float32)
    return Weights(np.ascontiguousarray(field, np.int32), np.zeros(1, np.float32), np.zeros(n, np.float32), v)


def fields_epoch(
    weights: Weights, squares: Weights, queries: Features, items: Features, pairs: Pairs, order: I64, steps: Steps
) -> float:
    """Learn from the pairs at `order`, updating `weights` and `squares` in place; return the mean loss before a step.

    O(nnz of the rows * rank) with one slot, with one a field O(pairs of a row's features * rank). Runs on one thread.

    Args:
        weights: what is learnt; C-contiguous float32.
        squares: the sums of squared gradients, of the same shapes and above 0; `field` is not looked at.
        queries, items: the features of each query and item.
        pairs: the rows; order (n,) int64 says which, and in which order.
        steps: loss, step size, penalties.

    Raises:
        UserError: the descent diverged.
        ValueError: shapes that do not fit, indices out of range.
    """
    queries, items = (
        Features(
            np.ascontiguousarray(r.indptr, np.int64),
            np.ascontiguousarray(r.indices, np.int32),
            np.ascontiguousarray(r.values, np.float32),
        )
        for r in (queries, items)
    )
    query, item = (np.ascontiguousarray(index, np.int32) for index in (pairs.query, pairs.item))
    pairs = Pairs(query, item, np.ascontiguousarray(pairs.label, np.float32))
    order = np.ascontiguousarray(order, np.int64)
    check(weights, squares, queries, items, pairs, order)
    run = _epoch if compiled.native else fields_epoch_numpy
    if not compiled.native:
        compiled.say_once()
    loss = run(weights, squares, queries, items, pairs, order, steps)
    if not math.isfinite(loss):
        raise UserError(f"the descent diverged; lower learning_rate={steps.learning_rate:g}")
    return loss / max(len(order), 1)


def check(weights: Weights, squares: Weights, queries: Features, items: Features, pairs: Pairs, order: I64) -> None:
    """Raise ValueError where the kernel would leave an array."""
    n = len(weights.field)
    for rows in (queries, items):
        check_csr(rows.indptr, rows.indices, len(rows.indptr) - 1, n)
        if rows.values.shape != rows.indices.shape:
            raise ValueError(f"there are {rows.indices.shape} features and {rows.values.shape} values")
    for index, of in ((pairs.query, queries), (pairs.item, items)):
        if index.shape != pairs.label.shape or (
            len(index) and not (0 <= index.min() <= index.max() < len(of.indptr) - 1)
        ):
            raise ValueError("a pair is of a query or an item that is not there, or pairs and labels differ in number")
    if len(order) and not (order.min() >= 0 and order.max() < len(pairs.label)):
        raise ValueError("order names pairs that are not there")
    slots = weights.v.shape[1]
    if slots > 1 and n and not (weights.field.min() >= 0 and weights.field.max() < slots):
        raise ValueError(f"fields must lie in [0, {slots})")
    for mine in (weights, squares):
        if mine.bias.shape != (1,) or mine.w.shape != (n,) or mine.v.shape != (n, slots, weights.v.shape[2]):
            raise ValueError("bias, w and v do not fit together")
        if any(a.dtype != np.float32 or not a.flags.c_contiguous or not a.flags.writeable for a in mine[1:]):
            raise ValueError("bias, w and v must be writeable C-contiguous float32: they are updated in place")


def _epoch(
    weights: Weights, squares: Weights, queries: Features, items: Features, pairs: Pairs, order: I64, steps: Steps
) -> float:
    loss: float = compiled.module.fields_epoch(
        order, *pairs, *queries, *items, weights.field, *weights[1:], *squares[1:], *steps
    )
    return loss


def fields_epoch_numpy(
    weights: Weights, squares: Weights, queries: Features, items: Features, pairs: Pairs, order: I64, steps: Steps
) -> float:
    """Do what the kernel does, a row at a time; return the sum of the losses."""
    field, bias, w, v = weights
    _, bias_g, w_g, v_g = squares
    aware, loss = v.shape[1] > 1, 0.0

    def step(x: F32, g: F32, at: int | tuple[int, int], gradient: F32 | float) -> None:
        g[at] += gradient * gradient
        x[at] -= steps.learning_rate * gradient / np.sqrt(g[at])

    for n in order.tolist():
        parts = [slice(r.indptr[i], r.indptr[i + 1]) for r, i in ((queries, pairs.query[n]), (items, pairs.item[n]))]
        j = np.concatenate([queries.indices[parts[0]], items.indices[parts[1]]])
        x = np.concatenate([queries.values[parts[0]], items.values[parts[1]]])
        two = [(a, b) for a in range(len(j)) for b in range(a + 1, len(j))]

        def slot(b: int, j: I32 = j) -> int:
            return int(field[j[b]]) if aware else 0

        score = bias[0] + x @ w[j] + sum(x[a] * x[b] * (v[j[a], slot(b)] @ v[j[b], slot(a)]) for a, b in two)
        if steps.logistic:
            margin = float(score if pairs.label[n] > 0 else -score)
            loss += float(np.logaddexp(0, -margin))
            g = -1 / (1 + math.exp(min(margin, 700.0)))
            g = g if pairs.label[n] > 0 else -g
        else:
            g = float(score - pairs.label[n])
            loss += g * g
        if aware:
            for a, b in two:
                one, other = (j[a], slot(b)), (j[b], slot(a))
                to_one = g * x[a] * x[b] * v[other] + steps.l2 * v[one]
                to_other = g * x[a] * x[b] * v[one] + steps.l2 * v[other]
                step(v, v_g, one, to_one)
                step(v, v_g, other, to_other)
        else:
            total = x @ v[j, 0]  # (rank,)
            for a in range(len(j)):
                at = (j[a], 0)
                step(v, v_g, at, g * x[a] * (total - x[a] * v[at]) + steps.l2 * v[at])
        for a in range(len(j)):
            step(w, w_g, j[a], g * x[a] + steps.l2_linear * w[j[a]])
        step(bias, bias_g, 0, g)
    return loss
