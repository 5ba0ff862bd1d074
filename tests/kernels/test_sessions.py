"""The kernels against their NumPy twins, and the twins against the definition written out."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from serendip.kernels import compiled
from serendip.kernels.sessions import Near, neighbours, neighbours_numpy, votes, votes_numpy

K, SAMPLE = 4, 6


def made(seed: int, n_sessions: int = 12, n_items: int = 9, n_queries: int = 7) -> tuple[tuple, sp.csr_array]:
    """The arguments of `neighbours`, and the sessions: 0, or an item's place."""
    rng = np.random.default_rng(seed)
    places = np.where(rng.random((n_sessions, n_items)) < 0.4, rng.integers(1, 9, (n_sessions, n_items)), 0)
    rows, by_item = sp.csr_array(places), sp.csr_array(places.T)
    asked = [rng.permutation(n_items)[: rng.integers(0, 5)] for _ in range(n_queries)]
    query = np.cumsum([0, *map(len, asked)])
    item = np.concatenate([*asked, np.empty(0, np.int64)])
    weight = rng.integers(0, 3, len(item)) / 2
    own = rng.integers(-1, n_sessions, n_queries)
    strength = rng.integers(1, 4, n_sessions) / 4
    given = (by_item.indptr, by_item.indices, by_item.data, query, item, weight, own, strength)
    kinds = (np.int64, np.int32, np.int32, np.int64, np.int32, np.float32, np.int32, np.float32)
    return tuple(np.asarray(a, kind) for a, kind in zip(given, kinds, strict=True)), rows


def empty(n: int, k: int) -> Near:
    return Near(np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32), *np.zeros((2, n, k), np.int32))


@pytest.mark.parametrize("seed", range(5))
def test_by_definition(seed: int) -> None:
    given, rows = made(seed)
    *_, query, item, weight, own, strength = given
    places = rows.toarray()
    found = empty(len(own), K)
    neighbours_numpy(*given, SAMPLE, found)
    score = votes_numpy(rows.indptr, rows.indices, rows.data, *found[:2], found.place, np.array([1, 0.5, 0.25]), 9)
    for b in range(len(own)):
        mine = [(i, w) for i, w in zip(item, weight, strict=True)][query[b] : query[b + 1]]
        shared = {v: [n for n, (i, w) in enumerate(mine) if w > 0 and places[v, i]] for v in range(len(places))}
        latest = [v for v, of in shared.items() if of and v != own[b]][-SAMPLE:]
        likeness = {v: strength[v] * sum(mine[n][1] for n in shared[v]) for v in latest}
        best = sorted(latest, key=lambda v: (-likeness[v], -v))[:K]
        assert found.session[b].tolist() == best + [-1] * (K - len(best))
        expected = np.full(9, np.nan)
        for r, v in enumerate(best):
            first = shared[v][0]
            assert found.likeness[b, r] == pytest.approx(likeness[v])
            assert found.step[b, r] == first and found.place[b, r] == places[v, mine[first][0]]
            for i in np.flatnonzero(places[v]):
                near = 0.5 ** min(2, abs(places[v, i] - found.place[b, r]))
                expected[i] = np.nan_to_num(expected[i]) + likeness[v] * near
        np.testing.assert_allclose(score[b], expected, rtol=1e-6)


@pytest.mark.skipif(not compiled.native, reason="the kernels were not built")
@given(
    seed=st.integers(0, 10_000), n_sessions=st.integers(1, 60), n_items=st.integers(1, 20), threads=st.integers(1, 3)
)
def test_the_kernels_are_their_twins(seed: int, n_sessions: int, n_items: int, threads: int) -> None:
    arguments, rows = made(seed, n_sessions, n_items, 40)
    expected = empty(40, K)
    neighbours_numpy(*arguments, SAMPLE, expected)
    found = neighbours(*arguments, sample=SAMPLE, k=K, threads=threads)
    for ours, twin in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, twin)
    near = np.array([1, 0.7, 0.2], np.float32)
    cast = votes(rows.indptr, rows.indices, rows.data, found.session, found.likeness, found.place, near, n_items)
    held = (rows.indptr, rows.indices, rows.data.astype(np.int32))
    twin = votes_numpy(*held, found.session, found.likeness, found.place, near, n_items)
    np.testing.assert_allclose(cast, twin, rtol=1e-5)


def test_arrays_that_do_not_fit_are_refused() -> None:
    arguments, rows = made(0)
    with pytest.raises(ValueError, match="sample and k"):
        neighbours(*arguments, sample=0, k=K)
    with pytest.raises(ValueError, match="go with"):
        neighbours(*arguments[:2], arguments[2][1:], *arguments[3:], sample=3, k=K)
    wrong = np.full((1, 2), 99, np.int32)
    with pytest.raises(ValueError, match="a session lies"):
        votes(rows.indptr, rows.indices, rows.data, wrong, np.ones((1, 2)), wrong, np.ones(1), rows.shape[1])
