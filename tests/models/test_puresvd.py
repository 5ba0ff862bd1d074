import numpy as np
import pytest

from serendip.checks.toys import planted
from serendip.data.queries import Queries
from serendip.models.contract import Run
from serendip.models.puresvd import PureSVD, right_singular_vectors


def test_the_scores_are_those_of_the_truncated_svd() -> None:
    data = planted().data
    x = data.matrix.toarray().astype(np.float64)
    _, _, vt = np.linalg.svd(x, full_matrices=False)
    model = PureSVD(rank=5, sweeps=60).fit(data)
    score = model.score(data.queries())
    np.testing.assert_allclose(score[:, model.known], (x @ vt[:5].T @ vt[:5])[:, model.known], atol=1e-3)
    assert np.isnan(score[:, ~model.known]).all()


def test_damping_shortens_the_columns_of_popular_items_before_the_decomposition() -> None:
    data = planted().data
    x = data.matrix.toarray().astype(np.float64)
    _, _, vt = np.linalg.svd(x / np.maximum((x > 0).sum(axis=0), 1) ** 0.4, full_matrices=False)
    model = PureSVD(rank=5, sweeps=60, damping=0.4).fit(data)
    np.testing.assert_allclose(
        model.score(data.queries())[:, model.known], (x @ vt[:5].T @ vt[:5])[:, model.known], atol=1e-3
    )


def test_a_newcomer_is_served_as_a_user_of_the_same_history_is() -> None:
    data = planted().data
    model, queries = PureSVD(rank=8).fit(data), data.queries()
    nobody = Queries(np.full(len(queries), -1, np.int32), queries.history)
    np.testing.assert_allclose(model.score(nobody), model.score(queries), atol=1e-4)


def test_each_contribution_is_owed_to_an_item_of_the_history() -> None:
    data = planted().data
    model, queries = PureSVD(rank=8).fit(data), data.queries()
    item = np.full(len(queries), 3, np.int32)
    parts = model.explain(queries, item)
    assert (parts.item >= 0).all()
    total = np.add.reduceat(parts.weight, parts.offset[:-1])
    np.testing.assert_allclose(total, model.score(queries, item[:, None])[:, 0], atol=1e-4)


@pytest.mark.parametrize("rank", [1, 30, 2000])
def test_the_vectors_are_orthonormal_whatever_the_rank(rank: int) -> None:
    v = right_singular_vectors(planted().data.matrix, rank, 8, Run())
    assert v.shape == (120, min(rank, 30))
    np.testing.assert_allclose(v.T @ v, np.eye(v.shape[1]), atol=1e-5)
