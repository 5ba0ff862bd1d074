"""Biased matrix factorisation of ratings by stochastic gradient descent, the same for any number of threads.

Koren, Bell, Volinsky: Matrix Factorization Techniques for Recommender Systems, IEEE Computer 42(8), 2009,
doi:10.1109/MC.2009.263, equation 5. Gemulla, Nijkamp, Haas, Sismanis: Large-Scale Matrix Factorization with Distributed
Stochastic Gradient Descent, KDD 2011, doi:10.1145/2020408.2020426: the strata.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from serendip.arrays import F32, I32, I64, U8
from serendip.errors import UserError
from serendip.kernels import compiled
from serendip.kernels.lines import LINE, drawn_lines

SIDE = 16
"""Users and items are dealt into this many groups each, whatever the number of threads; more threads than this rest."""

TOGETHER = 8
"""At most so many ratings of one user are visited at once."""


class Factorisation(NamedTuple):
    """Rating of user u and item i = mean + user_bias[u] + item_bias[i] + p[u]'q[i]; beyond the rank, factors are 0."""

    mean: float
    user_bias: F32  # (n_users,)
    item_bias: F32  # (n_items,)
    p: F32  # (n_users, rank, rounded up to whole lines)
    q: F32  # (n_items, rank, rounded up to whole lines)


def svd_start(
    user: I32, item: I32, value: F32, n_users: int, n_items: int, *, rank: int, init_std: float, seed: int
) -> Factorisation:
    """Return the mean of `value`, no biases, and normal factors of standard deviation `init_std`.

    The factors of a user or an item without ratings are zeros, and stay so: its prediction is the mean and the other's
    bias. Raises UserError where there are no ratings.
    """
    if not len(value):
        raise UserError("there are no ratings to factorise; give at least one row with a user, an item and a value")
    rng = np.random.default_rng(seed)
    counts = np.bincount(user, minlength=n_users), np.bincount(item, minlength=n_items)
    p, q = (drawn_lines(rng, count, rank, init_std) for count in counts)
    mean = float(np.mean(value, dtype=np.float64))
    return Factorisation(mean, np.zeros(n_users, np.float32), np.zeros(n_items, np.float32), p, q)


def svd_epochs(
    w: Factorisation,
    user: I32,
    item: I32,
    value: F32,
    *,
    epochs: int,
    learning_rate: float,
    l2: float,
    l2_bias: float,
    seed: int,
    threads: int | None = None,
) -> Iterator[float]:
    """Learn from all ratings `epochs` times, updating `w` in place; yield the training RMSE after each epoch.

    So the caller can show progress, look at a validation part, and stop by leaving the loop. Minimises the sum over the
    ratings of e^2 + l2 (|p_u|^2 + |q_i|^2) + l2_bias (b_u^2 + b_i^2) with e = value - prediction, in
    O(epochs N rank). The result does not depend on the number of threads. Up to TOGETHER ratings of a user are learnt
    from at once: their errors are taken before their updates.

    Args:
        w: where to start; its arrays are C-contiguous float32.
        user: (N,) indices below n_users, in any order.
        item: (N,) indices below n_items.
        value: (N,) ratings.
        epochs: passes over the ratings.
        learning_rate: step size.
        l2: regularisation of the factors.
        l2_bias: regularisation of the biases.
        seed: of the order in which blocks of ratings are visited, another in each epoch.
        threads: None means every core.

    Raises:
        UserError: the descent diverged.
    """
    user, item, value, begin = arranged(user, item, value, len(w.p), len(w.q))
    check(w, user, item, value, begin)
    for epoch in range(epochs):
        shift = strata(np.random.default_rng((seed, epoch)))
        loss = _epoch(w, user, item, value, begin, shift, learning_rate, l2, l2_bias, threads)
        if not math.isfinite(loss):
            raise UserError(f"the factorisation diverged in epoch {epoch + 1}; lower learning_rate={learning_rate}")
        yield math.sqrt(loss / max(len(value), 1))


def arranged(user: I32, item: I32, value: F32, n_users: int, n_items: int) -> tuple[I32, I32, F32, I64]:
    """Return the ratings (N,) block by block, and where blocks begin: see `blocks`."""
    order, begin = blocks(user, deal(user, n_users)[user], deal(item, n_items)[item])
    return (
        user[order].astype(np.int32, copy=False), item[order].astype(np.int32, copy=False),
        value[order].astype(np.float32, copy=False), begin,
    )  # fmt: skip


def deal(index: I32, n: int) -> U8:
    """Return the group (n,) in [0, SIDE) of each user or item: dealt to and fro from the most rated on: even work."""
    turn = np.arange(n) % (2 * SIDE)
    group = np.empty(n, np.uint8)
    group[np.argsort(-np.bincount(index, minlength=n), kind="stable")] = np.minimum(turn, 2 * SIDE - 1 - turn)
    return group


def blocks(user: I32, user_group: U8, item_group: U8) -> tuple[I64, I64]:
    """Return the order (N,) in which ratings are visited, block by block, and where blocks begin (SIDE * SIDE + 1,).

    Block g * SIDE + h holds the ratings of user group g and item group h, those of a user side by side, else as given:
    the user's factors stay in the cache, and an order drawn anew learns no better.
    """
    block = user_group * np.uint8(SIDE) + item_group
    begin = np.concatenate([[0], np.cumsum(np.bincount(block, minlength=SIDE * SIDE))])
    if (user[1:] >= user[:-1]).all():
        return np.argsort(block, kind="stable"), begin
    by_user = np.argsort(user, kind="stable")
    return by_user[np.argsort(block[by_user], kind="stable")], begin


def strata(rng: np.random.Generator) -> I64:
    """Draw the order (SIDE,) of an epoch's strata, up or down from anywhere: threads so keep most items."""
    return (rng.integers(SIDE) + np.arange(SIDE) * (1 if rng.random() < 0.5 else -1)) % SIDE


def svd_epoch(
    w: Factorisation,
    user: I32,
    item: I32,
    value: F32,
    begin: I64,
    shift: I64,
    *,
    learning_rate: float,
    l2: float,
    l2_bias: float,
    threads: int | None = None,
) -> float:
    """Learn once from the ratings (N,), updating `w` in place; return the sum of the squared errors.

    The ratings lie block by block, block g * side + h from `begin[g * side + h]` on. Stratum s takes the blocks with
    h = (g + shift[s]) % side, side by side: the users of two values of g, and the items of two values of h, must differ
    (see `blocks`); strata follow each other. `begin` is (side * side + 1,), `shift` (side,) a permutation.

    Raises:
        ValueError: an index or an offset out of range, or rows of factors that are not whole lines.
    """
    user, item = np.ascontiguousarray(user, np.int32), np.ascontiguousarray(item, np.int32)
    value = np.ascontiguousarray(value, np.float32)
    begin, shift = np.ascontiguousarray(begin, np.int64), np.ascontiguousarray(shift, np.int64)
    check(w, user, item, value, begin)
    if len(begin) != len(shift) ** 2 + 1 or not np.array_equal(np.sort(shift), np.arange(len(shift))):
        raise ValueError(f"shift must be a permutation of side numbers, and begin hold {len(shift) ** 2 + 1}")
    return _epoch(w, user, item, value, begin, shift, learning_rate, l2, l2_bias, threads)


def check(w: Factorisation, user: I32, item: I32, value: F32, begin: I64) -> None:
    """Raise ValueError where an index or an offset is out of range, or rows of factors are not whole lines."""
    if not len(user) == len(item) == len(value):
        raise ValueError(f"user {user.shape}, item {item.shape} and value {value.shape} must be equally long")
    for index, bias, factors in ((user, w.user_bias, w.p), (item, w.item_bias, w.q)):
        if len(bias) != len(factors) or w.p.shape[1] != factors.shape[1] or factors.shape[1] % LINE:
            raise ValueError(f"biases {bias.shape} and factors {factors.shape} do not fit together")
        if len(index) and index.view(np.uint32).max() >= len(factors):  # as such, what is negative is large
            raise ValueError(f"indices must lie in [0, {len(factors)})")
    if (np.diff(begin) < 0).any() or begin[0] != 0 or begin[-1] != len(user):
        raise ValueError(f"begin must rise from 0 to {len(user)}")


def _epoch(
    w: Factorisation, user: I32, item: I32, value: F32, begin: I64,
    shift: I64, learning_rate: float, l2: float, l2_bias: float, threads: int | None,
) -> float:  # fmt: skip
    if not compiled.native:
        compiled.say_once()
        return svd_epoch_numpy(w, user, item, value, begin, shift, learning_rate=learning_rate, l2=l2, l2_bias=l2_bias)
    loss: float = compiled.module.svd_epoch(
        user, item, value, begin, shift, w.mean, w.user_bias, w.item_bias, w.p, w.q,
        learning_rate, l2, l2_bias, threads or compiled.default_threads(),
    )  # fmt: skip
    return loss


def svd_epoch_numpy(
    w: Factorisation,
    user: I32,
    item: I32,
    value: F32,
    begin: I64,
    shift: I64,
    *,
    learning_rate: float,
    l2: float,
    l2_bias: float,
) -> float:
    """Do what `svd_epoch` does: up to TOGETHER ratings at once that follow each other and are of one user."""
    mean, user_bias, item_bias, p, q = w
    loss = 0.0
    for s, g in np.ndindex(len(shift), len(shift)):
        block = g * len(shift) + (g + shift[s]) % len(shift)
        t, end = begin[block], begin[block + 1]
        while t < end:
            u, n = user[t], 1
            while n < TOGETHER and t + n < end and user[t + n] == u:
                n += 1
            i, was = item[t : t + n], p[u].copy()
            e = value[t : t + n] - (np.float32(mean) + user_bias[u] + item_bias[i] + q[i] @ was)
            loss += float(np.sum(e.astype(np.float64) ** 2))
            user_bias[u] += learning_rate * (e.sum() - n * l2_bias * user_bias[u])
            p[u] -= learning_rate * n * l2 * was
            for k, j in enumerate(i):  # one by one: an item may be there twice
                item_bias[j] += learning_rate * (e[k] - l2_bias * item_bias[j])
                p[u] += learning_rate * e[k] * q[j]
                q[j] += learning_rate * (e[k] * was - l2 * q[j])
            t += n
    return loss
