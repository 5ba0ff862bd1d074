import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.tables import Tables
from serendip.models.bspm import BSPM, step
from serendip.models.gfcf import GFCF
from serendip.models.graphfilter import GraphFilter


def made(n_users: int = 60, n_items: int = 40) -> Dataset:
    user, item = np.nonzero(np.random.default_rng(1).random((n_users, n_items)) < 0.2)
    return Dataset.of(Tables(pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item]})))


def by_definition(x: np.ndarray, rank: int, ideal: float) -> tuple[np.ndarray, np.ndarray]:
    """The two filters of the papers, and P."""
    d_user, d_item = x.sum(axis=1), x.sum(axis=0)
    a = x / np.sqrt(d_user)[:, None] / np.sqrt(d_item)
    v = np.linalg.svd(a)[2][:rank].T
    low = np.diag(d_item**-0.5) @ v @ v.T @ np.diag(d_item**0.5)
    return a.T @ a + ideal * low, a.T @ a


def test_gfcf_is_its_two_filters() -> None:
    data = made()
    x = data.matrix.toarray().astype(np.float64)
    expected = x @ by_definition(x, 8, 0.3)[0]
    got = GFCF(rank=8, ideal=0.3, sweeps=60).fit(data).score(data.queries())
    np.testing.assert_allclose(got, expected, rtol=2e-3, atol=1e-4)


def test_bspm_is_one_runge_kutta_step() -> None:
    data, h = made(), 1.7
    x = data.matrix.toarray().astype(np.float64)
    blur, p = by_definition(x, 8, 0.2)
    s = x @ blur
    k1 = -s @ p
    k2 = -(s + h / 2 * k1) @ p
    k3 = -(s + h / 2 * k2) @ p
    k4 = -(s + h * k3) @ p
    expected = s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    got = BSPM(rank=8, ideal=0.2, time=h, sweeps=60).fit(data).score(data.queries())
    np.testing.assert_allclose(got, expected, rtol=2e-3, atol=1e-3)


def test_without_time_it_does_not_sharpen() -> None:
    data = made()
    plain, still = (a.fit(data).score(data.queries()) for a in (GFCF(rank=8), BSPM(rank=8, ideal=0.3, time=0.0)))
    np.testing.assert_allclose(plain, still, rtol=1e-5)


def test_no_frequency_grows() -> None:
    values = np.polynomial.polynomial.polyval(np.linspace(0, 1, 200), step(2.78).astype(np.float64))
    assert (np.abs(values) <= 1.001).all()


@pytest.mark.parametrize("algorithm", [GFCF(rank=8), BSPM(rank=8)])
def test_blocks_and_whole_agree(algorithm: GFCF | BSPM, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made()
    model = algorithm.fit(data)
    assert isinstance(model, GraphFilter)
    whole = model.score(data.queries())
    monkeypatch.setattr("serendip.models.graphfilter.BLOCK", 7)
    np.testing.assert_allclose(model.score(data.queries()), whole, rtol=1e-4, atol=1e-6)
