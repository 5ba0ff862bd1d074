"""The kernel against its twin, and what it learns: planted weights, planted pairs, fields that matter."""

import platform

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.errors import UserError
from serendip.kernels import fields
from serendip.kernels.fields import Features, Pairs, Steps, Weights, fields_epoch, fields_start

STEPS = Steps(logistic=True, learning_rate=0.1, l2=0.001, l2_linear=0.0001)


def features(n: int, fields_of: np.ndarray, among: list[int], seed: int) -> Features:
    """Draw a feature of each of some fields for n rows, two of the last, with values."""
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(np.flatnonzero(fields_of == f), n) for f in [*among, among[-1]]]
    index = np.column_stack(drawn).astype(np.int32)
    value = rng.choice([0.5, 1.0], index.shape).astype(np.float32)
    return Features(np.arange(n + 1) * index.shape[1], index.ravel(), value.ravel())


def lesson(seed: int, n: int = 60) -> tuple[np.ndarray, Features, Features, Pairs]:
    rng = np.random.default_rng(seed)
    field = np.repeat(np.arange(4), 5).astype(np.int32)
    queries, items = features(12, field, [0, 1], seed), features(9, field, [2, 3], seed + 1)
    query, item = rng.integers(0, 12, n), rng.integers(0, 9, n)
    return field, queries, items, Pairs(query, item, rng.integers(0, 2, n).astype(np.float32))


def squares_of(w: Weights) -> Weights:
    return Weights(w.field, *(np.ones_like(array) for array in w[1:]))


@settings(max_examples=20)
@given(
    slots=st.sampled_from([1, 4]),
    rank=st.sampled_from([0, 1, 5, 8, 19]),
    logistic=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_kernel_equals_twin(isa: str, slots: int, rank: int, logistic: bool, seed: int) -> None:
    field, queries, items, pairs = lesson(seed)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for native in (True, False):
            patch.setattr(fields.compiled, "native", native)
            patch.setattr(fields.compiled, "_said", [True])
            w = fields_start(field, slots=slots, rank=rank, init_std=0.3, seed=seed)
            squares = squares_of(w)
            order = np.random.default_rng(seed).permutation(len(pairs.label))
            loss = fields_epoch(w, squares, queries, items, pairs, order, STEPS._replace(logistic=logistic))
            found.append((w, squares, loss))
    (kernel, grown, one), (twin, other, two) = found
    assert one == pytest.approx(two, rel=1e-4)
    for x, y in zip((*kernel[1:], *grown[1:]), (*twin[1:], *other[1:]), strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-3, atol=2e-4)


def learnt(label: np.ndarray, query: np.ndarray, item: np.ndarray, slots: int, rank: int) -> float:
    """Return the share of labels that a model of a query's and an item's number gets right after 40 epochs."""
    n = 6
    field = np.repeat([0, 1], n).astype(np.int32)
    queries = Features(np.arange(n + 1), np.arange(n, dtype=np.int32), np.ones(n, np.float32))
    items = queries._replace(indices=queries.indices + n)
    w = fields_start(field, slots=slots, rank=rank, init_std=0.1, seed=0)
    squares, pairs = squares_of(w), Pairs(query, item, label)
    for epoch in range(40):
        order = np.random.default_rng(epoch).permutation(len(label))
        fields_epoch(w, squares, queries, items, pairs, order, STEPS)
    a, b = (1, 0) if slots > 1 else (0, 0)
    score = w.bias + w.w[query] + w.w[n + item] + (w.v[query, a] * w.v[n + item, b]).sum(axis=1)
    return float(((score > 0) == (label > 0)).mean())


def test_a_product_takes_factors_and_a_sum_takes_none() -> None:
    query, item = (a.ravel() for a in np.meshgrid(np.arange(6), np.arange(6)))
    crossed, added = ((query + item) % 2 == 0).astype(np.float32), (query + item > 5).astype(np.float32)
    assert learnt(added, query, item, 1, 0) > 0.95
    assert learnt(crossed, query, item, 1, 0) < 0.7
    assert learnt(crossed, query, item, 1, 4) == learnt(crossed, query, item, 2, 4) == 1


def test_divergence_is_said_and_what_would_leave_the_arrays_is_refused() -> None:
    field, queries, items, pairs = lesson(0)
    w = fields_start(field, slots=4, rank=3, init_std=0.1, seed=0)
    order, squares = np.arange(60), squares_of(w)
    with pytest.raises(UserError, match="diverged; lower learning_rate"):
        fields_epoch(w, squares, queries, items, pairs._replace(label=np.full(60, np.nan)), order,
                     STEPS._replace(logistic=False))  # fmt: skip
    for bad in (
        (w, squares, queries._replace(indices=queries.indices + 19), items, pairs, order),
        (w, squares, queries, items, pairs._replace(item=pairs.item + 1), order),
        (w, squares, queries, items, pairs._replace(query=pairs.query[1:]), order),
        (w, squares, queries, items, pairs, order + 1),
        (w._replace(field=field + 1), squares, queries, items, pairs, order),
        (w, squares._replace(w=squares.w[1:]), queries, items, pairs, order),
        (w, squares, queries, items._replace(values=items.values[1:]), pairs, order),
    ):
        with pytest.raises(ValueError):
            fields_epoch(*bad, STEPS)


def test_a_penalty_shrinks_to_nothing_and_arithmetic_outside_keeps_subnormal_numbers(isa: str) -> None:
    field, queries, items, pairs = lesson(0)
    w = fields_start(field, slots=4, rank=8, init_std=0.1, seed=0)
    squares, order = squares_of(w), np.arange(len(pairs.label))
    for _ in range(400):
        fields_epoch(w, squares, queries, items, pairs, order, STEPS._replace(l2=1.0))
    if platform.machine() in ("x86_64", "AMD64"):  # elsewhere subnormal numbers are as fast as others
        assert not (np.abs(w.v[w.v != 0]) < np.finfo(np.float32).tiny).any()
    assert np.float32(1e-40) * np.float32(0.5) > 0
