"""The kernels against their NumPy twins, and the twins against the definition written out."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from serendip.arrays import ItemLists, offsets
from serendip.kernels import compiled
from serendip.kernels.sessions import Near, Places, neighbours, neighbours_numpy, votes, votes_numpy

K, SAMPLE = 4, 6


def made(seed: int, n_sessions: int = 12, n_items: int = 9, n_queries: int = 7) -> tuple[tuple, sp.csr_matrix]:
    """The arguments of `neighbours`, and the sessions: 0, or an item's place."""
    rng = np.random.default_rng(seed)
    places = np.where(rng.random((n_sessions, n_items)) < 0.4, rng.integers(1, 9, (n_sessions, n_items)), 0)
    rows, by_item = sp.csr_matrix(places), sp.csr_matrix(places.T)
    asked = [rng.permutation(n_items)[: rng.integers(0, 5)] for _ in range(n_queries)]
    query = offsets(np.array([len(one) for one in asked]))
    item = np.concatenate([*asked, np.empty(0, np.int64)])
    weight = rng.integers(0, 3, len(item)) / 2
    own = rng.integers(-1, n_sessions, n_queries)
    strength = rng.integers(1, 4, n_sessions) / 4
    numbers = (weight.astype(np.float32), own.astype(np.int32), strength.astype(np.float32))
    return (Places.of(by_item), ItemLists(query, item.astype(np.int32)), *numbers), rows


def empty(n: int, k: int) -> Near:
    return Near(np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32), *np.zeros((2, n, k), np.int32))


@pytest.mark.parametrize("seed", range(5))
def test_by_definition(seed: int) -> None:
    given, rows = made(seed)
    _, query, weight, own, strength = given
    places = rows.toarray()
    found = empty(len(own), K)
    neighbours_numpy(*given, SAMPLE, found)
    score = votes_numpy(Places.of(rows), *found[:2], found.place, np.array([1, 0.5, 0.25]))
    for b in range(len(own)):
        mine = list(zip(query.item, weight, strict=True))[query.offset[b] : query.offset[b + 1]]
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
    held = Places.of(rows)
    cast = votes(held, found.session, found.likeness, found.place, near, threads=threads)
    twin = votes_numpy(held, found.session, found.likeness, found.place, near)
    np.testing.assert_allclose(cast, twin, rtol=1e-5)


def test_arrays_that_do_not_fit_are_refused() -> None:
    arguments, rows = made(0)
    with pytest.raises(ValueError, match="sample and k"):
        neighbours(*arguments, sample=0, k=K)
    with pytest.raises(ValueError, match="goes with items"):
        neighbours(*arguments[:2], arguments[2][1:], *arguments[3:], sample=3, k=K)
    broken = rows.copy()
    broken.indices[0] = 9
    with pytest.raises(ValueError, match=r"\[0, 9\)"):
        Places.of(broken)
    wrong = np.full((1, 2), 99, np.int32)
    with pytest.raises(ValueError, match="a session lies"):
        votes(Places.of(rows), wrong, np.ones((1, 2)), wrong, np.ones(1))
