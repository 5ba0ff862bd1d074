import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import ask
from serendip.data.tables import Tables
from serendip.models.stan import STAN
from serendip.models.vsknn import VSKNN, decay

SESSIONS = {"a": "p q r s", "b": "q p", "c": "p t", "d": "r r q"}


def made(times: bool = False) -> Dataset:
    rows = [(user, item) for user, items in SESSIONS.items() for item in items.split()]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")
    if times:
        frame = frame.with_columns(pl.Series("timestamp", np.arange(len(rows)) * 86_400_000))
    return Dataset.of(Tables(frame))


def scores(algorithm: STAN | VSKNN, data: Dataset, *history: str) -> dict[str, float]:
    found = algorithm.fit(data).score(ask([[data.items.get(i) for i in history]]))[0]
    return {i: float(s) for i, s in zip(data.items.series, found, strict=True) if not np.isnan(s)}


def test_stan_by_hand() -> None:
    got = scores(STAN(recent=2.0, near=3.0, length=0.5, idf=0.0), made(), "r", "p")
    fall = np.exp(-1 / 2)  # r stands one step back
    a, b, c, d = (1 + fall) / 2, 1 / np.sqrt(2), 1 / np.sqrt(2), fall / np.sqrt(2)
    e = [np.exp(-n / 3) for n in range(4)]
    assert got["p"] == pytest.approx(a + b + c, rel=1e-5)
    assert got["s"] == pytest.approx(a * e[3], rel=1e-5)  # three places from p, the latest that both have
    assert got["q"] == pytest.approx(a * e[1] + b * e[1] + d * e[1], rel=1e-5)
    assert got["t"] == pytest.approx(c * e[1], rel=1e-5)


def test_old_sessions_fade() -> None:
    for times in (False, True):
        plain, faded = (scores(STAN(idf=0.0, length=0.0, near=None, age=age), made(times), "p") for age in (None, 2.0))
        assert plain["t"] == plain["s"] == pytest.approx(1)
        assert faded["s"] < faded["t"] < 1
    assert faded["t"] / faded["s"] == pytest.approx(np.exp(4 / 2), rel=1e-4)  # four days between them


def test_only_the_latest_sessions_are_compared() -> None:
    assert set(scores(STAN(sample=1), made(), "p")) == {"p", "t"}
    assert set(scores(STAN(neighbours=1, idf=0.0), made(), "p")) == {"p", "t"}


def test_vsknn_by_hand() -> None:
    data = made()
    plain = {"recent": "harmonic", "match": "quadratic", "length": 0.0}
    got = scores(VSKNN(idf=0.0, **plain), data, "t", "r")
    assert got["s"] == pytest.approx(1)  # of a, by r
    assert got["p"] == pytest.approx(1 + 0.5 / 4)  # of a, and of c by t: half as like, and of a second step back
    weighed = scores(VSKNN(idf=2.0, **plain), data, "t", "r")
    assert weighed["s"] == pytest.approx(1 + 2 * np.log(4), rel=1e-5)


def test_decays() -> None:
    np.testing.assert_allclose(decay("linear")[[0, 1, 9, 50]], [1, 0.9, 0.1, 0.01], rtol=1e-5)
    np.testing.assert_allclose(decay("quadratic")[:3], [1, 1 / 4, 1 / 9], rtol=1e-6)
    assert (decay("none") == 1).all()


def test_reasons_name_what_was_shared() -> None:
    data = made()
    model = STAN().fit(data)
    p, r, t = (data.items.get(i) for i in "prt")
    parts = model.explain(ask([[r, p]]), np.array([t], np.int32))
    assert parts.item[parts.weight > 0].tolist() == [p]  # t came with p alone
    assert parts.weight.sum() == pytest.approx(model.score(ask([[r, p]]))[0, t], rel=1e-5)
