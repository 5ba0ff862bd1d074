"""Exact top-k for few queries at a time from an index that is prepared once and kept: see `Index`."""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import F32, F64, I32, ItemLists
from serendip.kernels import compiled
from serendip.kernels.topk import checked, pair, topk_dot

MANY = 16  # queries from which on `topk_dot`, which scores many at once, is about as fast or faster
APART = 2_000_000  # factors from which on two threads gain more than they cost


@dataclass(frozen=True)
class Index:
    """Items by falling norm with their factors in 8 bits, and what those may err by: rank + 16 bytes an item.

    It answers what `topk_dot` answers, to the bit. A block of items whose norms are too small is passed over; of the
    others the 8-bit scores and their errors bound the scores, and only items that reach the k best are scored from
    their own factors: a quarter of the memory traffic where norms do not vary, far less where they do.
    """

    y: F32  # (n, rank)
    bias: F32 | None  # (n,)
    tie: I32  # (n,)
    order: I32  # (n,) items by falling norm
    code: I32  # (panels, ceil(rank / 4), 64) four factors a word
    scale: F32  # (panels * 64,)
    slack: F32  # (panels * 64,)
    raised: F32 | None  # (panels * 64,) biases, a little more than they are
    longest: F64  # (blocks of 256,) the largest norm in each
    highest: F64  # (blocks of 256,) the largest bias in each

    def top(self, q: F32, k: int, *, exclude: ItemLists | None = None, threads: int | None = None) -> tuple[I32, F32]:
        """Return the k best items of each row of q: as `topk_dot` does, arguments and errors too."""
        q = np.ascontiguousarray(q, np.float32)
        if q.ndim != 2 or q.shape[1] != self.y.shape[1]:
            raise ValueError(f"q {q.shape} must be a matrix of the {self.y.shape[1]} columns of y")
        if not compiled.native or len(q) >= MANY or not self._bounds(q):
            return topk_dot(q, self.y, self.bias, k, self.tie, exclude=exclude, threads=threads)
        exclude = checked(exclude, len(q), len(self.y), k)
        item, score = np.empty((len(q), k), np.int32), np.empty((len(q), k), np.float32)
        if item.size:
            threads = (threads or compiled.default_threads()) if self.y.size >= APART else 1
            compiled.module.index_top(
                q, self.y, self.bias, self.tie, self.order, self.code, self.scale, self.slack, self.raised,
                self.longest, self.highest, *pair(exclude), item, score, threads,
            )  # fmt: skip
        return item, score

    def _bounds(self, q: F32) -> bool:
        """Return whether no partial sum can overflow: then the bounds hold. False where there is a NaN."""
        return bool(self.longest[0] * float(np.abs(q).max(initial=0)) * q.shape[1] < 1e37)


def prepare(y: F32, bias: F32 | None, tie: I32, *, threads: int | None = None) -> Index:
    """Return the index of items with factors y (n, rank), bias (n,) or None, and ties as `topk_dot` takes them.

    Raises:
        ValueError: shapes that do not fit.
    """
    y = np.ascontiguousarray(y, np.float32)
    tie = np.ascontiguousarray(tie, np.int32)
    if y.ndim != 2 or tie.shape != y.shape[:1]:
        raise ValueError(f"y {y.shape} must be a matrix, and tie {tie.shape} as long as it")
    if bias is not None:
        bias = np.ascontiguousarray(bias, np.float32)
        if bias.shape != tie.shape:
            raise ValueError(f"bias {bias.shape} must have one entry for each of the {len(y)} items")
    n, rank = y.shape
    panels, blocks = -(-n // 64), -(-n // 256)
    if not compiled.native:
        panels = 0  # never asked
    order, code = np.empty(n if panels else 0, np.int32), np.empty((panels, -(-rank // 4), 64), np.int32)
    scale, slack = np.empty(panels * 64, np.float32), np.empty(panels * 64, np.float32)
    raised = None if bias is None else np.empty(panels * 64, np.float32)
    longest, highest = np.zeros(max(blocks, 1)), np.zeros(max(blocks, 1))
    if panels:
        compiled.module.index_prepare(
            y, bias, order, code, scale, slack, raised, longest, highest, threads or compiled.default_threads()
        )
    return Index(y, bias, tie, order, code, scale, slack, raised, longest, highest)
