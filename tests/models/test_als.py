import dataclasses

import numpy as np
import pytest

from serendip.checks.toys import checkerboard, planted
from serendip.data.queries import Queries
from serendip.models.als import ALS
from serendip.models.contract import Run
from serendip.models.factors import Factors
from serendip.models.nmf import NMF
from serendip.models.puresvd import PureSVD

UNOBSERVED = 0.1


def loss(model: Factors, x: np.ndarray, algorithm: ALS) -> float:
    """The objective as the paper writes it, over all pairs."""
    p, q = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    s = p @ q.T
    value = (x * (1 - s) ** 2).sum() + UNOBSERVED * (s**2).sum()
    for factors, matrix in ((p, x), (q, x.T)):
        n = (matrix > 0).sum(axis=1) + UNOBSERVED * matrix.shape[1]
        value += algorithm.l2 * (n**algorithm.frequency * (factors**2).sum(axis=1)).sum()
    return float(value)


def test_more_sweeps_lower_the_objective() -> None:
    data = planted().data
    losses = []
    for epochs in (1, 2, 4, 8):
        algorithm = ALS(rank=8, epochs=epochs, l2=0.01, unobserved=UNOBSERVED)
        losses.append(loss(algorithm.fit(data), data.matrix.toarray(), algorithm))
    assert losses == sorted(losses, reverse=True)


def test_a_user_row_is_what_solving_its_equations_gives() -> None:
    data = checkerboard().data
    algorithm = ALS(rank=5, epochs=3, unobserved=UNOBSERVED)
    model = algorithm.fit(data)
    y, w = model.item_factors.astype(np.float64), data.matrix.toarray().astype(np.float64)
    for u in (0, 7):
        n = (w[u] > 0).sum() + UNOBSERVED * data.n_items
        a = UNOBSERVED * y.T @ y + (y.T * w[u]) @ y + algorithm.l2 * n * np.eye(5)
        np.testing.assert_allclose(model.user_factors[u], np.linalg.solve(a, y.T @ w[u]), atol=1e-4)


def test_a_newcomer_with_the_history_of_a_user_gets_their_slate() -> None:
    data = checkerboard().data
    model = ALS(rank=6).fit(data)
    known = data.queries()
    new = Queries(np.full(len(known), -1, np.int32), known.history)
    np.testing.assert_allclose(model.score(new), model.score(known), atol=1e-4)


def test_a_changed_history_is_folded_in() -> None:
    data = checkerboard().data
    model = ALS(rank=6).fit(data)
    one = data.queries(np.array([0], np.int32))
    shorter = dataclasses.replace(one, history=one.history.rows(slice(0, 1)))
    cut = dataclasses.replace(shorter.history, offset=np.array([0, 2]), item=one.history.item[:2],
                              value=one.history.value[:2] if one.history.value is not None else None,
                              type=one.history.type[:2] if one.history.type is not None else None,
                              timestamp=None)  # fmt: skip
    changed = Queries(one.user, cut)
    anonymous = Queries(np.array([-1], np.int32), cut)
    np.testing.assert_array_equal(model.score(changed), model.score(anonymous))
    assert not np.allclose(model.score(changed), model.score(one), atol=1e-3)


def test_a_warm_start_goes_on() -> None:
    data = planted().data
    algorithm = ALS(rank=8, epochs=1, l2=0.01, unobserved=UNOBSERVED)
    cold = algorithm.fit(data)
    warm = algorithm.fit(data, run=Run(start=algorithm.set(epochs=10).fit(data)))
    x = data.matrix.toarray()
    assert loss(warm, x, algorithm) < loss(cold, x, algorithm)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_nothing(threads: int) -> None:
    data = planted(n_users=80).data
    first = ALS(rank=4).fit(data, run=Run(threads=1))
    assert np.array_equal(first.item_factors, ALS(rank=4).fit(data, run=Run(threads=threads)).item_factors)


def test_the_weight_of_the_unseen_follows_how_sparse_the_data_is() -> None:
    data = planted().data
    seen = data.matrix.nnz / (data.n_users * data.n_items)
    assert ALS(rank=4, epochs=1).fit(data).fold.unobserved == min(16 * seen, 1.0)
    assert ALS(rank=4, epochs=1, unobserved=0.25).fit(data).fold.unobserved == 0.25


@pytest.mark.parametrize(("solver", "block"), [("cg", 64), ("subspace", 16)])
def test_other_solvers_come_to_the_same_objective(solver: str, block: int) -> None:
    data = planted().data
    exact = ALS(rank=40, epochs=30, l2=0.01)
    other = exact.set(solver=solver, block=block)
    x = data.matrix.toarray()
    assert loss(other.fit(data), x, exact) == pytest.approx(loss(exact.fit(data), x, exact), rel=0.01)


@pytest.mark.parametrize("solver", ["cg", "subspace"])
def test_a_row_of_another_solver_is_nearly_the_folded_in_one(solver: str) -> None:
    data = planted().data
    model = ALS(rank=40, epochs=10, l2=0.01, solver=solver, block=16).fit(data)
    known = data.queries()
    new = Queries(np.full(len(known), -1, np.int32), known.history)
    np.testing.assert_allclose(model.score(new), model.score(known), atol=0.02)


def test_the_solver_follows_the_rank() -> None:
    assert (ALS(rank=256).kind, ALS(rank=257).kind, ALS(rank=512, solver="cholesky").kind) == (
        "cholesky", "subspace", "cholesky",
    )  # fmt: skip


def test_more_factors_than_items() -> None:
    data = checkerboard().data
    model = ALS(rank=200, epochs=2).fit(data)
    assert np.isfinite(model.score(data.queries())).all()


def test_few_queries_get_what_many_get() -> None:
    data = planted(n_users=80).data
    model = ALS(rank=8).fit(data)
    known = data.queries()
    some = known.rows(np.arange(5))
    np.testing.assert_array_equal(model.recommend(some, 4).item, model.recommend(known, 4).item[:5])


def test_damping_weighs_popular_items_less_for_users_and_for_newcomers() -> None:
    data = planted().data
    model = ALS(rank=5, epochs=3, unobserved=UNOBSERVED, damping=0.5).fit(data)
    y, taken = model.item_factors.astype(np.float64), data.matrix.toarray().astype(np.float64)
    n = np.maximum((taken > 0).sum(axis=0), 1)
    w = taken * n**-0.5
    w *= taken.sum() / w.sum()
    for u in (0, 7):
        l2 = 0.01 * ((w[u] > 0).sum() + UNOBSERVED * data.n_items)
        a = UNOBSERVED * y.T @ y + (y.T * w[u]) @ y + l2 * np.eye(5)
        np.testing.assert_allclose(model.user_factors[u], np.linalg.solve(a, y.T @ w[u]), atol=1e-4)
    known = data.queries()
    new = Queries(np.full(len(known), -1, np.int32), known.history)
    np.testing.assert_allclose(model.score(new), model.score(known), atol=1e-4)


def test_who_is_known_and_took_nothing_gets_what_a_newcomer_gets() -> None:
    data = checkerboard().data
    nobody = data.where(data.user != 3)
    for algorithm in (ALS(rank=4), PureSVD(rank=4), NMF(rank=4)):
        model = algorithm.fit(nobody)
        score = model.score(nobody.queries(np.array([3, 4], np.int32)))
        assert np.isnan(score[0]).all() and not np.isnan(score[1]).all()
        assert (model.recommend(nobody.queries(np.array([3], np.int32)), 2).item == -1).all()
