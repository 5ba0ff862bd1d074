"""Biased matrix factorisation of ratings by stochastic gradient descent, the same for any number of threads.

Koren, Bell, Volinsky: Matrix Factorization Techniques for Recommender Systems, IEEE Computer 42(8), 2009,
doi:10.1109/MC.2009.263, equation 5. Gemulla, Nijkamp, Haas, Sismanis: Large-Scale Matrix Factorization with Distributed
Stochastic Gradient Descent, KDD 2011, doi:10.1145/2020408.2020426: the strata.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from serendip.errors import UserError
from serendip.kernels import compiled

Ints: TypeAlias = npt.NDArray[np.int32]
Floats: TypeAlias = npt.NDArray[np.float32]

SIDE = 16
"""Users and items are dealt into this many groups each, whatever the number of threads; more threads than this rest."""


class Factorisation(NamedTuple):
    """Rating of user u and item i = mean + user_bias[u] + item_bias[i] + p[u]'q[i]."""

    mean: float
    user_bias: Floats  # (n_users,)
    item_bias: Floats  # (n_items,)
    p: Floats  # (n_users, rank)
    q: Floats  # (n_items, rank)


def svd_fit(
    user: Ints,
    item: Ints,
    value: Floats,
    n_users: int,
    n_items: int,
    *,
    rank: int,
    epochs: int,
    learning_rate: float,
    l2: float,
    l2_bias: float,
    init_std: float,
    seed: int,
    threads: int | None = None,
) -> Factorisation:
    """Factorise N ratings: `svd_start`, then all of `svd_epochs`; see there."""
    w = svd_start(user, item, value, n_users, n_items, rank=rank, init_std=init_std, seed=seed)
    for _ in svd_epochs(
        w, user, item, value,
        epochs=epochs, learning_rate=learning_rate, l2=l2, l2_bias=l2_bias, seed=seed, threads=threads,
    ):  # fmt: skip
        pass
    return w


def svd_start(
    user: Ints, item: Ints, value: Floats, n_users: int, n_items: int, *, rank: int, init_std: float, seed: int
) -> Factorisation:
    """Return the mean of `value`, no biases, and normal factors of standard deviation `init_std`.

    The factors of a user or an item without ratings are zeros, and stay so: its prediction is the mean and the other's
    bias. Raises UserError where there are no ratings.
    """
    if not len(value):
        raise UserError("there are no ratings to factorise; give at least one row with a user, an item and a value")
    rng = np.random.default_rng(seed)
    p, q = (init_std * rng.standard_normal((n, rank), np.float32) for n in (n_users, n_items))
    p[np.bincount(user, minlength=n_users) == 0] = 0
    q[np.bincount(item, minlength=n_items) == 0] = 0
    mean = float(np.mean(value, dtype=np.float64))
    return Factorisation(mean, np.zeros(n_users, np.float32), np.zeros(n_items, np.float32), p, q)


def svd_epochs(
    w: Factorisation,
    user: Ints,
    item: Ints,
    value: Floats,
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
    O(epochs N rank). The result does not depend on the number of threads. An error is taken just before its own update.

    Args:
        w: where to start; its arrays are C-contiguous float32.
        user: (N,) indices below n_users, in any order.
        item: (N,) indices below n_items.
        value: (N,) ratings.
        epochs: passes over the ratings.
        learning_rate: step size.
        l2: regularisation of the factors.
        l2_bias: regularisation of the biases.
        seed: of the order in which the ratings are visited, another in each epoch.
        threads: None means every core.

    Raises:
        UserError: the descent diverged.
    """
    user_group, item_group = deal(user, len(w.p))[user], deal(item, len(w.q))[item]  # (N,) both
    for epoch in range(epochs):
        order, offset = strata(user_group, item_group, np.random.default_rng((seed, epoch)))
        loss = svd_epoch(
            w, user[order], item[order], value[order], offset,
            learning_rate=learning_rate, l2=l2, l2_bias=l2_bias, threads=threads,
        )  # fmt: skip
        if not math.isfinite(loss):
            raise UserError(f"the factorisation diverged in epoch {epoch + 1}; lower learning_rate={learning_rate}")
        yield math.sqrt(loss / max(len(value), 1))


def deal(index: Ints, n: int) -> npt.NDArray[np.uint16]:
    """Return the group (n,) in [0, SIDE) of each user or item: dealt to and fro from the most rated on: even work."""
    turn = np.arange(n) % (2 * SIDE)
    group = np.empty(n, np.uint16)
    group[np.argsort(-np.bincount(index, minlength=n), kind="stable")] = np.minimum(turn, 2 * SIDE - 1 - turn)
    return group


def strata(
    user_group: npt.NDArray[np.uint16], item_group: npt.NDArray[np.uint16], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw the order (N,) of an epoch, and where its blocks begin: offset (strata, blocks + 1).

    Block (g, h) holds the ratings of user group g and item group h. A stratum holds the blocks with the same h - g, no
    two of which share a user or an item. The strata come in random order, and so do the ratings within a block.
    """
    stratum = rng.permutation(SIDE)[(item_group.astype(np.int64) - user_group) % SIDE]  # (N,)
    block = (stratum * SIDE + user_group).astype(np.uint16)
    shuffled = rng.permutation(len(block))
    order = shuffled[np.argsort(block[shuffled], kind="stable")]
    begin = np.concatenate([[0], np.cumsum(np.bincount(block, minlength=SIDE * SIDE))])
    return order, begin[np.arange(SIDE)[:, None] * SIDE + np.arange(SIDE + 1)].astype(np.int64)


def svd_epoch(
    w: Factorisation,
    user: Ints,
    item: Ints,
    value: Floats,
    offset: npt.NDArray[np.int64],
    *,
    learning_rate: float,
    l2: float,
    l2_bias: float,
    threads: int | None = None,
) -> float:
    """Learn once from the ratings (N,) in the order given, updating `w` in place; return the sum of the squared errors.

    Row s of `offset` (strata, blocks + 1) says where the blocks of stratum s begin and where the last one ends. Strata
    run one after the other, the blocks of one side by side: they may share neither a user nor an item (see `strata`).

    Raises:
        ValueError: an index or an offset out of range.
    """
    user, item = np.ascontiguousarray(user, np.int32), np.ascontiguousarray(item, np.int32)
    value, offset = np.ascontiguousarray(value, np.float32), np.ascontiguousarray(offset, np.int64)
    if not len(user) == len(item) == len(value):
        raise ValueError(f"user {user.shape}, item {item.shape} and value {value.shape} must be equally long")
    for index, bias, factors in ((user, w.user_bias, w.p), (item, w.item_bias, w.q)):
        if len(bias) != len(factors) or w.p.shape[1] != factors.shape[1]:
            raise ValueError(f"biases {bias.shape} and factors {factors.shape} do not fit together")
        if len(index) and not (index.min() >= 0 and index.max() < len(factors)):
            raise ValueError(f"indices must lie in [0, {len(factors)})")
    if (np.diff(offset, axis=1) < 0).any() or (offset < 0).any() or (offset > len(user)).any():
        raise ValueError(f"each row of offset must rise, within [0, {len(user)}]")
    if not compiled.native:
        compiled.say_once()
        return svd_epoch_numpy(w, user, item, value, offset, learning_rate=learning_rate, l2=l2, l2_bias=l2_bias)
    loss: float = compiled.module.svd_epoch(
        user, item, value, offset, w.mean, w.user_bias, w.item_bias, w.p, w.q,
        learning_rate, l2, l2_bias, threads or compiled.default_threads(),
    )  # fmt: skip
    return loss


def svd_epoch_numpy(
    w: Factorisation,
    user: Ints,
    item: Ints,
    value: Floats,
    offset: npt.NDArray[np.int64],
    *,
    learning_rate: float,
    l2: float,
    l2_bias: float,
) -> float:
    """Do what `svd_epoch` does, rating by rating in the same order."""
    mean, user_bias, item_bias, p, q = w
    loss = 0.0
    for begin, end in zip(offset[:, :-1].ravel(), offset[:, 1:].ravel(), strict=True):
        for u, i, r in zip(user[begin:end], item[begin:end], value[begin:end], strict=True):
            e = r - (np.float32(mean) + user_bias[u] + item_bias[i] + p[u] @ q[i])
            loss += float(e) ** 2
            user_bias[u] += learning_rate * (e - l2_bias * user_bias[u])
            item_bias[i] += learning_rate * (e - l2_bias * item_bias[i])
            p[u], q[i] = p[u] + learning_rate * (e * q[i] - l2 * p[u]), q[i] + learning_rate * (e * p[u] - l2 * q[i])
    return loss
