"""The fitted shape of a model whose items an index finds: a graph of near items, searched instead of scanning all.

Malkov, Yashunin, "Efficient and Robust Approximate Nearest Neighbor Search Using Hierarchical Navigable Small World
Graphs", TPAMI 42(4), 2020, arXiv:1603.09320; as faiss has it (Douze et al., "The Faiss Library", 2024,
arXiv:2401.08281), over vectors of 8 bits a number. faiss is the extra `ann`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from serendip.arrays import F32, I32, I64, U8, ItemLists
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, Slates, stacked
from serendip.errors import UserError
from serendip.kernels.topk import topk_dense
from serendip.models.contract import Embeds, Explains, Model, Similar
from serendip.models.likeness import nearest

LINKS = 32  # of an item in the graph
BUILD, SEARCH = 200, 128  # items looked at on the way when one is added, and when one is sought
SPARE = 2  # times as many items are fetched as asked for, and scored exactly
FEW = 0.1  # share of the catalogue that may be left out before every item is scored instead
QUERIES = 1024  # answered at once


@dataclass(frozen=True)
class Indexed(Model):
    """A model that `Embeds`, and an index of its item vectors: it finds the items that the model then scores.

    The score of an item is the model's own; what the index may miss are items. Where candidates are given or a large
    share of the items is left out, the model scans, since a graph of which most is forbidden loses its way.
    index: as faiss writes it, uint8.
    """

    model: Model
    index: U8

    @classmethod
    def of(cls, model: Model) -> Self:
        """Return the model with an index of its items.

        Raises:
            UserError: faiss is not installed, or the model's scores are no inner products.
        """
        faiss = imported()
        if not isinstance(model, Embeds):
            raise UserError(
                f"an index needs scores that are inner products and {type(model).__name__} has others: use als"
            )
        y = np.ascontiguousarray(model.item_vectors, np.float32)
        index = faiss.IndexHNSWSQ(y.shape[1], faiss.ScalarQuantizer.QT_8bit, LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = BUILD
        index.train(y)
        index.add(y)
        return cls(model.users, model.items, model.rules, model, faiss.serialize_index(index))

    @cached_property
    def _faiss(self) -> Any:
        """The index at work."""
        return imported().deserialize_index(np.array(self.index))

    def warm(self) -> None:
        _ = self._faiss

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        return self.model.score(queries, item)

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        if candidates is not None:
            return self.model.recommend(queries, k, candidates, exclude)
        out = np.zeros(len(queries), np.int64) if exclude is None else np.diff(exclude.offset)
        found = [np.empty(0, np.int64)]
        parts = []
        many = SPARE * k + out > FEW * self.n_items
        order = np.flatnonzero(~many)
        order = order[np.argsort(out[order], kind="stable")]  # lists of like length are sought together
        for b in range(0, len(order), QUERIES):
            at = order[b : b + QUERIES]
            found.append(at)
            parts.append(self._sought(queries.rows(at), k, None if exclude is None else exclude.rows(at)))
        if many.any():
            at = np.flatnonzero(many)
            found.append(at)
            parts.append(self.model.recommend(queries.rows(at), k, None, None if exclude is None else exclude.rows(at)))
        slates, back = stacked(parts, k), np.argsort(np.concatenate(found), kind="stable")
        return Slates(slates.item[back], slates.score[back])

    def _sought(self, queries: Queries, k: int, exclude: ItemLists | None) -> Slates:
        most = 0 if exclude is None else int(np.diff(exclude.offset).max(initial=0))
        assert isinstance(self.model, Embeds)
        x = np.ascontiguousarray(self.model.query_vectors(queries), np.float32)
        item = self._search(x, min(SPARE * k + most, self.n_items))
        score = self.model.score(queries, item)
        return Slates(*topk_dense(score, k, self.items.tie, item=item, exclude=exclude))

    def _search(self, x: F32, n: int) -> I32:
        """Return about the n items of greatest inner product with each vector.  # (B, rank) -> (B, n)"""
        effort = imported().SearchParametersHNSW(efSearch=max(SEARCH, 2 * n))
        return np.asarray(self._faiss.search(x, n, params=effort)[1], np.int32)

    def similar(self, item: I32, k: int) -> Slates:
        """Return what the model says, or else the items of the nearest direction."""
        if isinstance(self.model, Similar):
            return self.model.similar(item, k)
        assert isinstance(self.model, Embeds)
        y = self.model.item_vectors
        y = y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), np.float32(1e-12))
        return nearest(item, y, np.ones(self.n_items, np.bool_), k, self.items.tie)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return what the model says, or else the score as one part."""
        if isinstance(self.model, Explains):
            return self.model.explain(queries, item, of)
        asked = queries if of is None else queries.rows(of)
        return Contributions.whole(self.model.score(asked, item[:, None])[:, 0])


def imported() -> Any:
    """Return faiss.

    Raises:
        UserError: it is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise UserError("an index of items needs faiss, which is not installed: pip install 'serendip[ann]'") from None
    return faiss
