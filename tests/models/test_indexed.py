"""An index finds nearly all that a scan finds, scans where a filter leaves few items, and is kept with its model."""

import sys
from pathlib import Path

import numpy as np
import pytest

from serendip.arrays import ItemLists, offsets
from serendip.checks.toys import planted
from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.compressed import compressed
from serendip.models.ease import EASE
from serendip.models.indexed import Indexed
from serendip.store.artefacts import load, save

ALGORITHM = ALS(rank=16, epochs=3)
BIG = planted(400, 1500, 6)  # large enough for the graph to be asked


@pytest.fixture(scope="module")
def pair() -> tuple[object, Indexed]:
    pytest.importorskip("faiss", reason="faiss is not installed: pip install 'serendip[ann]'")
    exact = ALGORITHM.fit(BIG.data)
    return exact, Indexed.of(exact)


def shared(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean([len(np.intersect1d(x, y)) / len(x) for x, y in zip(a, b, strict=True)]))


def test_recall_against_the_scan(pair: tuple[ALS, Indexed]) -> None:
    exact, indexed = pair
    queries = BIG.data.queries()
    for out in (None, queries.history.lists):
        a, b = (m.recommend(queries, 10, exclude=out) for m in (exact, indexed))
        assert shared(a.item, b.item) > 0.95
        same = a.item == b.item
        assert np.allclose(a.score[same], b.score[same], rtol=1e-4, atol=1e-5)


def test_the_graph_is_searched_and_few_candidates_are_scanned(
    pair: tuple[ALS, Indexed], monkeypatch: pytest.MonkeyPatch
) -> None:
    exact, indexed = pair
    queries = BIG.data.queries(np.arange(20, dtype=np.int32))
    searches = []
    search = Indexed._search

    def counted(self: Indexed, x: np.ndarray, n: int) -> np.ndarray:
        searches.append(len(x))
        return search(self, x, n)

    monkeypatch.setattr(Indexed, "_search", counted)
    indexed.recommend(queries, 10)
    assert sum(searches) == 20
    five = np.arange(0, 1500, 20, dtype=np.int32)  # a twentieth of the items
    candidates = ItemLists(offsets(np.full(20, len(five))), np.tile(five, 20))
    a, b = (m.recommend(queries, 10, candidates) for m in (exact, indexed))
    assert np.array_equal(a.item, b.item) and sum(searches) == 20
    most = np.setdiff1d(np.arange(1500, dtype=np.int32), five)
    count = np.where(np.arange(20) % 2, len(most), 0)  # every other query leaves out all but a twentieth
    out = ItemLists(offsets(count), np.tile(most, 10))
    a, b = (m.recommend(queries, 10, exclude=out) for m in (exact, indexed))
    assert np.array_equal(a.item[1::2], b.item[1::2]) and sum(searches) == 30


def test_is_kept_with_its_model(pair: tuple[ALS, Indexed], tmp_path: Path) -> None:
    _, indexed = pair
    save(indexed, tmp_path / "model")
    again = load(tmp_path / "model")
    queries = BIG.data.queries()
    assert np.array_equal(again.recommend(queries, 10).item, indexed.recommend(queries, 10).item)


def test_scores_that_are_no_inner_products_are_refused(pair: tuple[ALS, Indexed]) -> None:
    model = EASE().fit(planted().data)
    with pytest.raises(UserError, match="inner products"):
        Indexed.of(model)
    with pytest.raises(UserError, match="factors, as als has"):
        compressed(model, "ann")


def test_without_faiss_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UserError, match=r"pip install 'serendip\[ann\]'"):
        Indexed.of(ALS(rank=2, epochs=1).fit(planted().data))
