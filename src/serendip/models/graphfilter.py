"""The fitted shape of graph filters: a history as a signal on the graph of users and items, smoothed and sharpened."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, Bool, rows_of
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.data.slates import Contributions
from serendip.kernels.compiled import default_threads
from serendip.models.contract import Run
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.linear import Linear
from serendip.models.puresvd import right_singular_vectors, vectors_cost

BLOCK = 128  # histories that pass through the filter together


@dataclass(frozen=True)
class GraphFilter(Linear):
    """score(u, .) = x_u (P + ideal D^-1/2 V V' D^1/2) (c_0 + c_1 P + c_2 P^2 + ...) with P = A'A, which is never made.

    graph (n_users, n_items) float32 CSR: A, the interactions over the roots of both degrees. root (n_items,): D^1/2, 0
    for an item that the fit has not seen, which scores NaN, as does every item for an empty history. low (n_items,
    rank): V, the first right singular vectors of A. polynomial (degree + 1,): c.
    """

    graph: CSR
    root: F32
    low: F32
    ideal: float
    polynomial: F32

    @cached_property
    def _by_item(self) -> CSR:
        return self.graph.T.tocsr()  # (n_items, n_users)

    @cached_property
    def known(self) -> Bool:
        """Which items the fit has seen.  # (n_items,)"""
        return np.asarray(self.root > 0)

    def answered(self, x: CSR) -> F32:
        """Return what histories become.  # (B, n_items) -> (B, n_items)"""
        blocks = [x[b : b + BLOCK] for b in range(0, x.shape[0], BLOCK)]
        if len(blocks) < 2:
            return self._block(x)
        with ThreadPoolExecutor(default_threads()) as pool:
            return np.concatenate(list(pool.map(self._block, blocks)))

    def _block(self, x: CSR) -> F32:
        flat = ((x @ self._by_item) @ self.graph).toarray()  # (b, n_items): x P
        inverse = np.where(self.known, 1 / np.where(self.known, self.root, 1), 0).astype(np.float32)
        scaled = csr_matrix((x.data * inverse[x.indices], x.indices, x.indptr), shape=x.shape)
        flat += np.float32(self.ideal) * ((scaled @ self.low) @ self.low.T) * self.root
        out = np.ascontiguousarray(self._sharpened(np.ascontiguousarray(flat.T, np.float32)).T)
        out[:, ~self.known] = np.nan
        return out

    def _sharpened(self, signal: F32) -> F32:
        """Return (c_0 + c_1 P + ...) s, by Horner's rule.  # (n_items, b) -> (n_items, b)"""
        out = signal * self.polynomial[-1]
        for c in self.polynomial[-2::-1]:
            out = self._by_item @ (self.graph @ out)
            out += c * signal
        return np.asarray(out, np.float32)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return what each history item adds: the filter is linear."""
        x = queries.history.matrix(self.rules, self.n_items)
        x = x if of is None else x[of]  # (M, n_items)
        one = np.zeros((self.n_items, len(item)), np.float32)
        one[item, np.arange(len(item))] = 1
        z = self._sharpened(one)  # (n_items, M)
        inverse = np.where(self.known, 1 / np.where(self.known, self.root, 1), 0).astype(np.float32)[:, None]
        low = inverse * (self.low @ (self.low.T @ (self.root[:, None] * z)))
        weights = self._by_item @ (self.graph @ z) + np.float32(self.ideal) * low  # (n_items, M)
        row = rows_of(x)
        return Contributions.because(x, weights[x.indices, row] * x.data)


def filter_cost(size: Size, rank: int, sweeps: int) -> Cost:
    """Return what `graph_filter` costs: the scaled graph, in float64 while it is made, and its singular vectors."""
    vectors = vectors_cost(size, rank, sweeps)
    return Cost(max(5 * WEIGHT * size.pairs, WEIGHT * size.pairs + vectors.memory), vectors.operations)


def graph_filter(data: Dataset, rank: int, ideal: float, polynomial: F32, sweeps: int, run: Run) -> GraphFilter:
    """Return the filter over the interactions; rank 0 leaves the low-pass part out."""
    x = data.matrix  # (n_users, n_items)
    user, item = (np.sqrt(np.asarray(x.sum(axis=axis, dtype=np.float64)).ravel()) for axis in (1, 0))
    row = rows_of(x)
    graph = csr_matrix(((x.data / (user[row] * item[x.indices])).astype(np.float32), x.indices, x.indptr), x.shape)
    low = np.zeros((data.n_items, 1), np.float32)
    if ideal > 0:
        low = right_singular_vectors(graph, rank, sweeps, run)  # (n_items, rank)
    root = item.astype(np.float32)
    return GraphFilter(data.users, data.items, data.fitted_rules, graph, root, low, ideal, polynomial)
