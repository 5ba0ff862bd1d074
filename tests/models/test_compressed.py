"""Compressed models of every shape keep the contract, take less memory, and answer nearly as the exact ones do."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array

from serendip.checks import CHECKS, Check
from serendip.checks.toys import planted
from serendip.data.dataset import Dataset
from serendip.data.queries import ask
from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.bpr import BPR
from serendip.models.compressed import compressed, pruned
from serendip.models.contract import Algorithm, Model, Run
from serendip.models.ease import EASE
from serendip.models.itemknn import ItemKNN
from serendip.models.itemweights import ItemWeights
from serendip.models.nmf import NMF
from serendip.models.packed import Packed
from serendip.models.packedcsr import PackedCSR
from serendip.models.popular import Popular
from serendip.models.puresvd import PureSVD
from serendip.models.slim import SLIM
from serendip.models.svd import SVD
from serendip.models.svdpp import SVDpp
from serendip.models.weighted import Weighted

KNOWN_FAILURES = {
    ("ease", "pruned", "newcomers"): "what was pruned says nothing: an item near nothing in a short history is unknown",
}
FORMS = [(kind, to) for kind in (ALS, EASE, ItemKNN, SVD, Weighted) for to in ("float16", "int8")]
FORMS += [(kind, "int8") for kind in (BPR, SVDpp, NMF, PureSVD, SLIM)]  # whose shapes or hyperparameters differ
FORMS += [(EASE, "pruned"), (ItemKNN, "pruned"), (ALS, "ann"), (SVD, "ann")]


def form(kind: type[Algorithm], to: str) -> Algorithm:
    """An algorithm whose models are compressed, so that the contract suite can run them."""
    if to == "ann":
        pytest.importorskip("faiss", reason="faiss is not installed: pip install 'serendip[ann]'")

    def fit(self: Any, data: Dataset, *, run: Run = Run()) -> Model:
        return compressed(kind.fit(self, data, run=run), to, keep=0.6)

    made: type[Algorithm] = dataclass(frozen=True)(type(f"{to}{kind.__name__}", (kind,), {"fit": fit}))
    return made()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize(("kind", "to"), FORMS, ids=lambda x: x if isinstance(x, str) else x.name)
def test_contract(kind: type[Algorithm], to: str, check: Check) -> None:
    algorithm = form(kind, to)
    if not check.applies(algorithm):
        return
    if (kind.name, to, check.name) in KNOWN_FAILURES:
        with pytest.raises(AssertionError):
            check.run(algorithm)
    else:
        check.run(algorithm)


@pytest.mark.parametrize("to", ["float16", "int8"])
def test_slates_are_nearly_those_of_the_exact_model(to: str) -> None:
    data = planted().data
    queries = data.queries()
    for algorithm in (ALS(rank=16), EASE(), ItemKNN()):
        model = algorithm.fit(data)
        exact, small = (m.recommend(queries, 10, exclude=queries.history.lists) for m in (model, compressed(model, to)))
        same = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(exact.item, small.item, strict=True)])
        assert same > (0.99 if to == "float16" else 0.95), f"{algorithm.name}: {same:.3f}"


def test_few_and_many_queries_agree() -> None:
    data = planted().data  # 300 users: more than are scored one by one
    queries = data.queries()
    model = compressed(ALS(rank=8).fit(data), "int8")
    out = queries.history.lists
    many = model.recommend(queries, 10, exclude=out)
    for b in range(0, 300, 60):
        few = model.recommend(queries.rows(slice(b, b + 60)), 10, exclude=out.rows(slice(b, b + 60)))
        assert np.array_equal(few.item, many.item[b : b + 60])


def test_histories_are_folded_in_in_parts_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = planted().data
    model = compressed(ALS(rank=8).fit(data), "float16")
    newcomers = ask([list(range(n % 7)) for n in range(40)], [[5.0] * (n % 7) for n in range(40)])
    whole = model.score(newcomers)
    monkeypatch.setattr("serendip.models.factors.FOLDED", 5)
    assert np.allclose(model.score(newcomers), whole, rtol=1e-4, atol=1e-5, equal_nan=True)


def test_a_row_of_int8_errs_by_half_a_step() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((50, 7)).astype(np.float32)
    matrix[3] = 0
    small = Packed.of(matrix, "int8")
    step = np.abs(matrix).max(axis=1, keepdims=True) / 127
    assert (np.abs(small[:] - matrix) <= step / 2 + 1e-6).all()
    assert small.values.nbytes == matrix.nbytes // 4
    assert np.allclose(small.at(np.array([1, 4]), np.array([2, 6])), small[:][[1, 4], [2, 6]])


def test_float16_holds_what_is_too_great_for_it_as_its_greatest() -> None:
    matrix = np.array([[1e6, -1e6, 1e-7]], np.float32)
    assert np.allclose(Packed.of(matrix, "float16")[:], [[65504, -65504, 1e-7]], rtol=0.2)


@pytest.mark.parametrize("to", ["float16", "int8"])
def test_sparse_weights(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    matrix = csr_matrix(random_array((30, 20), density=0.3, rng=rng, dtype=np.float32)).astype(np.float32)
    small = PackedCSR.of(matrix, to)
    near = {"rtol": 0.01, "atol": 0.005}
    rows = np.array([4, 0, 29])
    assert np.allclose(small[rows].toarray(), matrix[rows].toarray(), **near)
    assert np.allclose(small.columns(np.array([3, 19])).toarray(), matrix.T.tocsr()[[3, 19]].toarray(), **near)
    assert np.allclose(small.at(np.arange(20), np.arange(20)), matrix.toarray()[np.arange(20), np.arange(20)], **near)
    x = csr_matrix(random_array((5, 30), density=0.2, rng=rng, dtype=np.float32)).astype(np.float32)
    exact, pattern = (x @ matrix).toarray(), ((x != 0).astype(np.float32) @ (matrix != 0)).toarray() > 0
    for block in (1, 7, 1 << 20):
        monkeypatch.setattr("serendip.models.packedcsr.BLOCK", block)
        product = small.times(x)
        assert np.array_equal(np.isnan(product), ~pattern)
        assert np.allclose(np.nan_to_num(product), exact, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("sparse", [False, True])
def test_pruning_keeps_the_largest_of_each_column(sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serendip.models.compressed.BLOCK", 100)  # several blocks of columns
    rng = np.random.default_rng(2)
    dense = rng.standard_normal((40, 40)).astype(np.float32)
    np.fill_diagonal(dense, 0)
    kept = pruned(csr_matrix(dense) if sparse else dense, 0.25).toarray()
    for column in range(40):
        best = np.argsort(-np.abs(dense[:, column]))[:10]  # a quarter of 39, rounded up
        assert set(np.flatnonzero(kept[:, column])) == set(best)
        assert np.array_equal(kept[best, column], dense[best, column])


def test_pruned_weights_can_be_brought_to_int8() -> None:
    data = planted().data
    model = compressed(compressed(EASE().fit(data), "pruned", 0.3), "int8")
    assert isinstance(model, ItemWeights) and isinstance(model.weights, PackedCSR)
    assert (model.recommend(data.queries(), 5).item >= 0).all()


def test_what_cannot_be_compressed_is_said() -> None:
    data = planted().data
    als = ALS(rank=4, epochs=1).fit(data)
    with pytest.raises(UserError, match="item weights, as itemknn"):
        compressed(als, "pruned")
    with pytest.raises(UserError, match="nothing in this model"):
        compressed(Popular().fit(data), "int8")
    with pytest.raises(UserError, match="not compressed already"):
        compressed(compressed(als, "int8"), "float16")
    with pytest.raises(UserError, match="did you mean 'int8'"):
        compressed(als, "int9")
    with pytest.raises(UserError, match="share above 0"):
        compressed(als, "pruned", 0)
