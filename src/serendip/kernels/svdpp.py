"""SVD++: ratings from biases, factors, and the factors of what a history implies, by stochastic gradient descent.

Koren: Factorization Meets the Neighborhood: a Multifaceted Collaborative Filtering Model, KDD 2008,
doi:10.1145/1401890.1401944, equation 15.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from serendip.arrays import F32, I32, ItemLists
from serendip.errors import UserError
from serendip.kernels import compiled
from serendip.kernels.csr import checked_lists
from serendip.kernels.lines import LINE, drawn_lines, lines
from serendip.kernels.users import user_epochs


class Implied(NamedTuple):
    """Rating of u and i = mean + user_bias[u] + item_bias[i] + q[i]'(p[u] + |N|^-1/2 sum of y[j] for j in N(u)).

    Beyond the rank, factors are 0.
    """

    mean: float
    user_bias: F32  # (n_users,)
    item_bias: F32  # (n_items,)
    p: F32  # (n_users, rank, rounded up to whole lines)
    q: F32  # (n_items, rank, rounded up to whole lines)
    y: F32  # (n_items, rank, rounded up to whole lines)


class Steps(NamedTuple):
    """Step size, and penalties at each rating: on squared p and q, on squared biases, on squared y."""

    learning_rate: float
    l2: float
    l2_bias: float
    l2_implied: float


def svdpp_start(rated: ItemLists, value: F32, n_items: int, *, rank: int, init_std: float, seed: int) -> Implied:
    """Return the mean of `value`, no biases, y zero, and normal p and q of standard deviation `init_std`.

    p and q of a user or an item without ratings are zeros, and stay so. Raises UserError where there are no ratings.
    """
    if not len(value):
        raise UserError("there are no ratings to factorise; give at least one row with a user, an item and a value")
    rng = np.random.default_rng(seed)
    counts = np.diff(rated.offset), np.bincount(rated.item, minlength=n_items)
    p, q = (drawn_lines(rng, count, rank, init_std) for count in counts)
    mean = float(np.mean(value, dtype=np.float64))
    return Implied(mean, np.zeros(len(p), np.float32), np.zeros(n_items, np.float32), p, q, lines(n_items, rank))


def svdpp_epochs(
    w: Implied,
    implied: ItemLists,
    rated: ItemLists,
    value: F32,
    steps: Steps,
    *,
    epochs: int,
    seed: int,
    decay: float = 1.0,
) -> Iterator[float]:
    """Learn from all ratings `epochs` times, updating `w` in place; yield the training RMSE after each epoch.

    Minimises the sum over the ratings of e^2 + l2 (|p_u|^2 + |q_i|^2) + l2_bias (b_u^2 + b_i^2) + l2_implied sum_N
    |y_j|^2 in O(epochs (nnz(rated) + nnz(implied)) rank): all y_j of a user get the same decay and the same increment
    at a rating, so they are written once a user. Runs on one thread, because nearly any two users share items. The
    users come in another order in each epoch. An error is taken just before its own update.

    Args:
        w: where to start; its arrays are C-contiguous float32.
        implied: N(u), the items that say something of each user, rated or not.
        rated: the items that each user rated.
        value: (nnz,) the ratings, in the order of `rated`.
        steps: step size and penalties.
        epochs: passes over the ratings.
        seed: of the order of users.
        decay: what the step size is multiplied by after each epoch.

    Raises:
        UserError: the descent diverged.
        ValueError: shapes that do not fit, indices out of range.
    """
    value = np.ascontiguousarray(value, np.float32)
    (n_users, width), n_items = w.p.shape, len(w.q)
    implied, rated = (checked_lists(lists, n_users, n_items) for lists in (implied, rated))
    if value.shape != rated.item.shape:
        raise ValueError(f"there are {rated.item.shape} rated items and {value.shape} values")
    expected = ((n_users,), (n_items,), (n_users, width), (n_items, width), (n_items, width))
    if any(a.shape != shape or a.dtype != np.float32 for a, shape in zip(w[1:], expected, strict=True)) or width % LINE:
        raise ValueError("biases and factors do not fit together, are not float32, or are not whole lines wide")
    run = _epoch if compiled.native else svdpp_epoch_numpy
    if not compiled.native:
        compiled.say_once()
    yield from user_epochs(
        lambda order, rate: run(w, order, implied, rated, value, steps._replace(learning_rate=rate)),
        n_users, len(value), name="svdpp", epochs=epochs, learning_rate=steps.learning_rate, decay=decay, seed=seed,
    )  # fmt: skip


def _epoch(w: Implied, order: I32, implied: ItemLists, rated: ItemLists, value: F32, steps: Steps) -> float:
    loss: float = compiled.module.svdpp_epoch(
        order, implied.offset, implied.item, rated.offset, rated.item, value, *w, *steps
    )
    return loss


def svdpp_epoch_numpy(w: Implied, order: I32, implied: ItemLists, rated: ItemLists, value: F32, steps: Steps) -> float:
    """Do what the kernel does for the users in `order`, writing every y_j at every rating as the paper does."""
    rate, l2, l2_bias, l2_implied = steps
    loss = 0.0
    for u in order.tolist():
        n = implied[u]  # N(u)
        norm = 1 / np.sqrt(max(len(n), 1))
        for t in range(rated.offset[u], rated.offset[u + 1]):
            i = rated.item[t]
            p, q = w.p[u].copy(), w.q[i].copy()
            taste = p + norm * w.y[n].sum(axis=0)
            e = value[t] - (w.mean + w.user_bias[u] + w.item_bias[i] + q @ taste)
            loss += float(e) ** 2
            w.user_bias[u] += rate * (e - l2_bias * w.user_bias[u])
            w.item_bias[i] += rate * (e - l2_bias * w.item_bias[i])
            w.p[u] += rate * (e * q - l2 * p)
            w.q[i] += rate * (e * taste - l2 * q)
            w.y[n] += rate * (e * norm * q - l2_implied * w.y[n])
    return loss
