"""Asymmetric SVD: ratings from the factors of items alone, by gradient descent over the users.

Koren: Factorization Meets the Neighborhood: a Multifaceted Collaborative Filtering Model, KDD 2008,
doi:10.1145/1401890.1401944, equation 13.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from serendip.arrays import F32, I32, I64, Bool
from serendip.kernels import compiled
from serendip.kernels.csr import check_csr
from serendip.kernels.lines import LINE, drawn_lines, lines
from serendip.kernels.users import user_epochs


class Asymmetric(NamedTuple):
    """Factors of items: rated, of what ratings tell, of what being in a history tells; beyond the rank they are 0."""

    y: F32  # (n_items, rank, rounded up to whole lines)
    x: F32  # (n_items, rank, rounded up to whole lines)
    z: F32  # (n_items, rank, rounded up to whole lines)


class Told(NamedTuple):
    """Histories as compressed rows: where each begins, its items, whether rated, and the rating less the baseline."""

    indptr: I64  # (n_users + 1,)
    indices: I32  # (nnz,), each item of a user once
    rated: Bool  # (nnz,)
    rest: F32  # (nnz,), 0 where not rated


def asvd_start(told: Told, n_items: int, *, rank: int, init_std: float, seed: int) -> Asymmetric:
    """Return z zero, and normal y and x of standard deviation `init_std`, zeros for an item without ratings."""
    rng, ratings = np.random.default_rng(seed), np.bincount(told.indices, told.rated, n_items)
    y, x = (drawn_lines(rng, ratings, rank, init_std) for _ in range(2))
    return Asymmetric(y, x, lines(n_items, rank))


def asvd_epochs(
    w: Asymmetric, told: Told, *, epochs: int, learning_rate: float, l2: float, seed: int, decay: float = 1.0
) -> Iterator[float]:
    """Learn from all users `epochs` times, updating `w` in place; yield the training RMSE after each epoch.

    With R the rated items of user u, N the history, and both without i itself, e_i = rest_i - y_i'(|R|^-1/2 sum_R
    rest_j x_j + |N|^-1/2 sum_N z_j). A user's step goes down the gradient of sum e_i^2 / 2, and shrinks the factors of
    their items by learning_rate l2. O(epochs nnz rank). Runs on one thread, because nearly any two users share items.
    The users come in another order in each epoch. An error is taken just before its user's step.

    Args:
        w: where to start; its arrays are C-contiguous float32.
        told: the histories.
        epochs: passes over the users.
        learning_rate: step size at first.
        l2: shrinking of the factors at each user.
        seed: of the order of users.
        decay: what the step size is multiplied by after each epoch.

    Raises:
        UserError: the descent diverged.
        ValueError: shapes that do not fit, indices out of range.
    """
    told = Told(np.ascontiguousarray(told.indptr, np.int64), np.ascontiguousarray(told.indices, np.int32),
                np.ascontiguousarray(told.rated, np.bool_), np.ascontiguousarray(told.rest, np.float32))  # fmt: skip
    n_users = len(told.indptr) - 1
    check_csr(told.indptr, told.indices, n_users, len(w.y))
    if not told.indices.shape == told.rated.shape == told.rest.shape:
        raise ValueError(f"there are {told.indices.shape} items, {told.rated.shape} marks, {told.rest.shape} values")
    if any(a.shape != w.y.shape or a.dtype != np.float32 for a in w) or w.y.shape[1] % LINE:
        raise ValueError("the factors do not fit together, are not float32, or are not whole lines wide")
    run = _epoch if compiled.native else asvd_epoch_numpy
    if not compiled.native:
        compiled.say_once()
    yield from user_epochs(
        lambda order, rate: run(w, order, told, rate, l2), n_users, int(np.count_nonzero(told.rated)),
        name="asvd", epochs=epochs, learning_rate=learning_rate, decay=decay, seed=seed,
    )  # fmt: skip


def _epoch(w: Asymmetric, order: I32, told: Told, learning_rate: float, l2: float) -> float:
    loss: float = compiled.module.asvd_epoch(order, *told, *w, learning_rate, l2)
    return loss


def asvd_epoch_numpy(w: Asymmetric, order: I32, told: Told, learning_rate: float, l2: float) -> float:
    """Do what the kernel does for the users in `order`, all items of a user at once."""
    rate, loss = np.float32(learning_rate), 0.0
    for u in order.tolist():
        row = slice(told.indptr[u], told.indptr[u + 1])
        rated, value = told.indices[row][told.rated[row]], told.rest[row][told.rated[row]]  # (n,) both
        n = told.indices[row]  # N(u)
        if not len(rated):
            continue
        root = np.float32(1 / np.sqrt(len(n)))
        tells = value[:, None] / np.float32(np.sqrt(len(rated)))  # (n, 1)
        y, x = w.y[rated], w.x[rated]
        own = tells * x + root * w.z[rated]  # what each item says of itself  # (n, rank)
        taste = tells[:, 0] @ x + root * w.z[n].sum(axis=0) - own  # (n, rank)
        error = value - np.einsum("nf,nf->n", y, taste)
        loss += float(np.square(error, dtype=np.float64).sum())
        pull = error[:, None] * y  # (n, rank)
        total = pull.sum(axis=0)
        w.y[rated] += rate * (error[:, None] * taste - l2 * y)
        w.x[rated] += rate * (tells * (total - pull) - l2 * x)
        w.z[n] += rate * (root * total - l2 * w.z[n])
        w.z[rated] -= rate * root * pull
    return loss
