"""Learning to rank from pairs by stochastic gradient descent, the same for any number of threads.

Rendle, Freudenthaler, Gantner, Schmidt-Thieme: BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009,
arXiv:1205.2618. Weston, Bengio, Usunier: Wsabie: Scaling Up to Large Vocabulary Image Annotation, IJCAI 2011: WARP.
Gemulla, Nijkamp, Haas, Sismanis: Large-Scale Matrix Factorization with Distributed Stochastic Gradient Descent, KDD
2011, doi:10.1145/2020408.2020426: the strata. Ward, Wu, Bottou: AdaGrad Stepsizes: Sharp Convergence over Nonconvex
Landscapes, ICML 2019, arXiv:1806.01811: one step size for a whole vector, here a row.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from serendip.arrays import F32, I32, I64, U64, ItemLists, offsets
from serendip.errors import UserError
from serendip.kernels import compiled
from serendip.kernels.csr import checked_lists
from serendip.kernels.lines import LINE, drawn_lines

Loss = Literal["bpr", "warp"]

SIDE = 8
"""Users and items are dealt into this many groups each, whatever the number of threads; more threads than this rest.

On Gowalla, NDCG@20 over four seeds is .0858 +- .0006 in one group, .0853 +- .0003 in 8, .0845 +- .0004 in 16.
"""
LEAST = 128
"""Items of a group at least: among fewer, the negatives of an epoch would be too much alike."""
ATTEMPTS = 64  # at a negative of BPR; a user who took nearly all items gives no pair then
START = 64.0  # what a row's sum of squared gradients begins with


class Ranking(NamedTuple):
    """Score of user u and item i = bias[i] + p[u]'q[i]; beyond the rank, factors are 0."""

    p: F32  # (n_users, rank, rounded up to whole lines)
    q: F32  # (n_items, rank, rounded up to whole lines)
    bias: F32  # (n_items,)


class Squares(NamedTuple):
    """Sums of the squared gradients that the rows of p and of q, an item's with its bias, have had so far."""

    p: F32  # (n_users,)
    q: F32  # (n_items,)


@dataclass(frozen=True)
class Steps:
    """What an epoch of either loss is told.

    loss: bpr or warp. learning_rate: step size at first; BPR's falls to 0 in a straight line, WARP's is divided by the
    root of a row's squared gradients so far. l2, l2_bias: penalties on
    squared factors and biases, at each pair. sampled: negatives that WARP draws for a pair at most. popularity: a
    negative is drawn in proportion to its count of users to this power.
    """

    loss: Loss
    learning_rate: float
    l2: float
    l2_bias: float
    sampled: int = 1
    popularity: float = 0.0


def pairwise_start(taken: ItemLists, n_items: int, *, rank: int, init_std: float, seed: int) -> Ranking:
    """Return no biases, and normal factors of standard deviation `init_std`.

    The factors of a user who took nothing, or of an item that nobody took, are zeros, and stay so.
    """
    rng = np.random.default_rng(seed)
    counts = np.diff(taken.offset), np.bincount(taken.item, minlength=n_items)
    p, q = (drawn_lines(rng, count, rank, init_std) for count in counts)
    return Ranking(p, q, np.zeros(n_items, np.float32))


def pairwise_epochs(
    w: Ranking,
    taken: ItemLists,
    steps: Steps,
    *,
    epochs: int,
    seed: int,
    threads: int | None = None,
) -> Iterator[float]:
    """Visit every positive `epochs` times, each time with a negative, updating `w` in place; yield each mean loss.

    With s = score, BPR descends -ln sigmoid(s_ui - s_uj) for one j drawn among the items that u did not take; WARP
    draws up to `sampled` items j until s_uj > s_ui - 1 and descends ln((n - 1) / draws) (1 - s_ui + s_uj), n being the
    items that can be drawn: those that someone took. The loss is the mean of sigmoid(s_uj - s_ui), or, for WARP, the
    share of pairs with such a j. O(epochs nnz rank) time (WARP: times the draws), 10 bytes a positive of memory.

    WARP's items are the next ones from a random place on, in an order that an epoch deals anew. Its step size is
    divided by the root of START and the squared gradients that a row has had, an item's with its bias.

    An epoch draws its negatives within groups of items that it deals anew: plain descent within noise, the same for any
    number of threads.

    Args:
        w: where to start; its arrays are C-contiguous float32.
        taken: the items that each user took, ascending.
        steps: the loss and its settings.
        epochs: passes over the positives.
        seed: of orders and draws.
        threads: None means every core.

    Raises:
        UserError: the descent diverged.
        ValueError: shapes that do not fit, indices out of range, not ascending or twice.
    """
    (n_users, width), n_items = w.p.shape, len(w.q)
    taken = checked_lists(taken, n_users, n_items)
    if w.q.shape != (n_items, width) or w.bias.shape != (n_items,) or width % LINE:
        raise ValueError(f"p {w.p.shape}, q {w.q.shape} and bias {w.bias.shape} do not fit together")
    if any(a.dtype != np.float32 or not a.flags.c_contiguous or not a.flags.writeable for a in w):
        raise ValueError("factors and biases must be writeable C-contiguous float32 arrays: they are updated in place")
    first = np.zeros(len(taken.item), np.bool_)
    first[taken.offset[:-1][np.diff(taken.offset) > 0]] = True
    if len(taken.item) and (np.diff(taken.item)[~first[1:]] <= 0).any():
        raise ValueError("a user's items must ascend, each there once")
    if not steps.sampled >= 1:
        raise ValueError(f"sampled must be 1 or more, not {steps.sampled}")

    positives = Positives.of(taken, n_items)
    squares = Squares(*(np.full(n, START, np.float32) for n in (n_users, n_items)))
    run = _epoch if compiled.native else pairwise_epoch_numpy
    if not compiled.native:
        compiled.say_once()
    for epoch in range(epochs):
        deal = Deal.of(positives, steps.popularity, np.random.default_rng((seed, epoch)))
        rate = steps.learning_rate * (1 - epoch / epochs if steps.loss == "bpr" else 1)
        loss = run(
            w, squares, positives, deal, replace(steps, learning_rate=rate), threads or compiled.default_threads()
        )
        if not (math.isfinite(loss) and math.isfinite(w.q.sum())):  # no inner product: BLAS keeps 16 MB for its own
            raise UserError(f"{steps.loss} diverged in epoch {epoch + 1}; lower learning_rate={steps.learning_rate}")
        yield loss / max(len(taken.item), 1)


@dataclass(frozen=True)
class Positives:
    """What does not change between epochs: who took what, the pairs by user group, and a filter for the kernel."""

    taken: ItemLists
    count: I64  # (n_items,) users of each item
    side: int  # groups of users, and of items
    user: I32  # (nnz,) by user group; an epoch puts each group's pairs in its own order
    item: I32  # (nnz,)
    begin: I64  # (side + 1,) of the user groups
    word: I64  # (n_users + 1,) where each user's words of the filter begin
    bits: U64

    @staticmethod
    def of(taken: ItemLists, n_items: int) -> "Positives":
        """Deal the users to and fro from the most active on, so that the groups have even work."""
        count = np.bincount(taken.item, minlength=n_items)
        side = int(np.clip(np.count_nonzero(count) // LEAST, 1, SIDE))
        active = np.diff(taken.offset)  # (n_users,)
        turn = np.arange(len(active)) % (2 * side)
        group = np.empty(len(active), np.int64)
        group[np.argsort(-active, kind="stable")] = np.minimum(turn, 2 * side - 1 - turn)
        begin = np.append(0, np.cumsum(np.bincount(group, active, side))).astype(np.int64)
        user, item = (np.empty(len(taken.item), np.int32) for _ in range(2))
        for g in range(side):  # one after the other: little memory beside the result
            members = np.flatnonzero(group == g)
            of = np.repeat(np.arange(len(members)), active[members])
            before = np.cumsum(active[members]) - active[members]
            here = slice(begin[g], begin[g + 1])
            user[here] = members[of]
            item[here] = taken.item[np.arange(len(of)) + (taken.offset[members] - before)[of]]
        word = offsets((active + 3) // 4)
        bits = np.zeros(word[-1] if compiled.native else 0, np.uint64)
        if compiled.native:
            compiled.module.pairwise_filter(taken.offset, taken.item, word, bits, 1)
        return Positives(taken, count, side, user, item, begin, word, bits)


@dataclass(frozen=True)
class Deal:
    """What an epoch draws before it begins: groups of items, the negatives of each, and the order of the strata."""

    item_group: npt.NDArray[np.uint16]  # (n_items,)
    negative: I32  # by item group, an item as often as its weight says
    negative_begin: I64  # (side + 1,)
    shift: I64  # (side,) stratum s holds the blocks of user group g and item group g + shift[s]
    key: int  # of all draws within the epoch

    @staticmethod
    def of(positives: Positives, popularity: float, rng: np.random.Generator) -> "Deal":
        """Deal the items at random; systematic sampling rounds weights to whole numbers, right in the mean."""
        side, n_items = positives.side, len(positives.count)
        known = rng.permutation(np.flatnonzero(positives.count)).astype(np.int32)
        groups = np.array_split(known, side)
        item_group = np.zeros(n_items, np.uint16)
        for g, items in enumerate(groups):
            item_group[items] = g
        if popularity != 0:
            groups = [sampled(items, positives.count[items] ** popularity, rng) for items in groups]
        size = [0, *map(len, groups)]
        shift = rng.permutation(side).astype(np.int64)
        return Deal(item_group, np.concatenate(groups), np.cumsum(size), shift, int(rng.integers(2**63)))


def sampled(items: I32, weight: npt.NDArray[np.floating], rng: np.random.Generator) -> I32:
    """Return four times as many items, each as often as its share of the weight says, up or down by less than one."""
    if not len(items):
        return items
    end = np.cumsum(weight)
    until = np.ceil(end * (4 * len(items) / end[-1]) - rng.random()).astype(np.int64)
    return np.repeat(items, np.diff(until, prepend=0))


def weights(positives: Positives, sampled: int) -> F32:
    """Return by what WARP weighs a pair after each number of draws, ln((n - 1) / draws).  # (sampled,)"""
    others = int(np.count_nonzero(positives.count)) - 1
    return np.log(np.maximum(others // np.arange(1, sampled + 1), 1)).astype(np.float32)


def _epoch(w: Ranking, squares: Squares, positives: Positives, deal: Deal, steps: Steps, threads: int) -> float:
    loss: float = compiled.module.pairwise_epoch(
        steps.loss == "bpr", positives.user, positives.item, positives.begin, deal.item_group, deal.negative,
        deal.negative_begin, deal.shift, positives.taken.offset, positives.taken.item, positives.word, positives.bits,
        *w, *squares, deal.key, steps.learning_rate, steps.l2, steps.l2_bias, weights(positives, steps.sampled),
        threads,
    )  # fmt: skip
    return loss


def pairwise_epoch_numpy(
    w: Ranking, squares: Squares, positives: Positives, deal: Deal, steps: Steps, threads: int = 1
) -> float:
    """Do what the kernel does in an epoch, pair by pair; return the sum of the losses."""
    side, loss, weight = positives.side, 0.0, weights(positives, steps.sampled)
    blocks = [_ordered(positives, deal, g) for g in range(side)]
    taken = [set(positives.taken[u].tolist()) for u in range(len(positives.taken))]
    with np.errstate(over="ignore"):
        for shift in deal.shift.tolist():
            for g in range(side):
                h = (g + shift) % side
                negative = deal.negative[deal.negative_begin[h] : deal.negative_begin[h + 1]]
                key = _mix(_mix(deal.key + 1) + g * side + h)
                for t, (u, i) in enumerate(blocks[g][h] if len(negative) else []):
                    if steps.loss == "bpr":
                        loss += _bpr(w, steps, u, i, taken[u], negative, key + t * ATTEMPTS)
                    else:
                        order = np.roll(negative, -_below(_mix(key + t), len(negative)))
                        loss += _warp(w, squares, steps, u, i, taken[u], order, weight)
    return loss


def _ordered(positives: Positives, deal: Deal, g: int) -> list[list[tuple[int, int]]]:
    """Put the pairs of a user group in the order of the epoch; return them by item group."""
    at = slice(positives.begin[g], positives.begin[g + 1])
    user, item = positives.user[at], positives.item[at]
    order = np.argsort(deal.item_group[item], kind="stable")
    pairs = list(zip(user[order].tolist(), item[order].tolist(), strict=True))
    begin = np.append(0, np.cumsum(np.bincount(deal.item_group[item], minlength=positives.side))).tolist()
    blocks = []
    for h in range(positives.side):
        block, key = pairs[begin[h] : begin[h + 1]], _mix(_mix(deal.key) + g * positives.side + h)
        for t in range(len(block) - 1, 0, -1):
            r = _below(_mix(key + t), t + 1)
            block[t], block[r] = block[r], block[t]
        pairs[begin[h] : begin[h + 1]] = block
        blocks.append(block)
    positives.user[at], positives.item[at] = np.array(pairs, np.int32).reshape(-1, 2).T
    return blocks


def _bpr(w: Ranking, steps: Steps, u: int, i: int, taken: set[int], negative: I32, key: int) -> float:
    for attempt in range(ATTEMPTS):
        j = int(negative[_below(_mix(key + attempt), len(negative))])
        if j not in taken:
            z = float(1 / (1 + np.exp(_score(w, u, i) - _score(w, u, j))))
            _raise(w, None, steps, u, i, j, z)
            return z
    return 0.0


def _warp(
    w: Ranking, squares: Squares, steps: Steps, u: int, i: int, taken: set[int], order: I32, weight: F32
) -> float:
    least = _score(w, u, i) - 1
    for attempt in range(steps.sampled):
        j = int(order[attempt % len(order)])
        if _score(w, u, j) > least and j not in taken:
            _raise(w, squares, steps, u, i, j, float(weight[attempt]))
            return 1.0
    return 0.0


def _score(w: Ranking, u: int, i: int) -> np.float32:
    return np.float32(w.bias[i] + w.p[u] @ w.q[i])


def _raise(w: Ranking, squares: Squares | None, steps: Steps, u: int, i: int, j: int, z: float) -> None:
    """Raise i above j for u by the gradient of z (s_ui - s_uj), less the penalties'."""
    x, a, b = w.p[u].copy(), w.q[i].copy(), w.q[j].copy()
    up, up_i, up_j = z * (a - b) - steps.l2 * x, z * x - steps.l2 * a, -z * x - steps.l2 * b
    bias_i, bias_j = z - steps.l2_bias * w.bias[i], -z - steps.l2_bias * w.bias[j]
    rate = np.full(3, steps.learning_rate)
    if squares is not None:
        rate /= np.sqrt([squares.p[u], squares.q[i], squares.q[j]])
        squares.p[u] += up @ up
        squares.q[i] += up_i @ up_i + bias_i**2
        squares.q[j] += up_j @ up_j + bias_j**2
    w.p[u] += rate[0] * up
    w.q[i] += rate[1] * up_i
    w.q[j] += rate[2] * up_j
    w.bias[i] += rate[1] * bias_i
    w.bias[j] += rate[2] * bias_j


def _mix(x: int) -> int:
    """Return splitmix64 of a number."""
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
    return x ^ (x >> 31)


def _below(random: int, n: int) -> int:
    """Return a whole number in [0, n), for n < 2^32."""
    return ((random >> 32) * n) >> 32
