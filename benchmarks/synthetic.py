"""Interactions drawn from power laws, seeded, and kept in a folder so that each process reads the same ones."""

import tempfile
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

KEPT = Path(tempfile.gettempdir()) / "serendip-benchmarks"
USERS, ITEMS = 0.55, 0.85  # exponents by which activity and popularity fall with rank; the first ranks are flatter


def power_law(n_users: int, n_items: int, nnz: int, seed: int = 0) -> csr_matrix:
    """Return `nnz` distinct interactions of weight 1, users and items in no order of popularity.  # (n_users, n_items)

    The chance of a pair is that of its user, (rank + n_users / 100)^-0.55, times that of its item, (rank + n_items /
    200)^-0.85; a pair that is drawn again is drawn anew.
    """
    file = KEPT / f"{n_users}-{n_items}-{nnz}-{seed}.npy"
    if not file.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part.npy")
        np.save(part, drawn(n_users, n_items, nnz, np.random.default_rng(seed)))
        part.replace(file)
    key = np.load(file)
    indptr = np.searchsorted(key, np.arange(n_users + 1, dtype=np.int64) * n_items)
    fits = np.int32 if nnz < 2**31 else np.int64
    matrix = csr_matrix((np.ones(nnz, np.float32), (key % n_items).astype(np.int32), indptr.astype(fits)),
                        shape=(n_users, n_items))  # fmt: skip
    matrix.has_sorted_indices = matrix.has_canonical_format = True
    return matrix


def drawn(n_users: int, n_items: int, nnz: int, generator: np.random.Generator) -> np.ndarray:
    """Return `nnz` distinct numbers user * n_items + item, ascending."""
    if nnz > n_users * n_items / 3:
        raise ValueError(f"{nnz} of {n_users} x {n_items} pairs are too many to be drawn")
    user = places(n_users, n_users / 100, USERS, generator)
    item = places(n_items, n_items / 200, ITEMS, generator)
    found = np.empty(0, np.int64)
    while len(found) < nnz:
        more = int(1.1 * (nnz - len(found))) + 1000
        u, i = (table[generator.integers(0, len(table), more)] for table in (user, item))
        found = np.union1d(found, u.astype(np.int64) * n_items + i)
    drop = generator.choice(len(found), len(found) - nnz, replace=False, shuffle=False)
    return np.delete(found, drop)


def places(n: int, flat: float, exponent: float, generator: np.random.Generator) -> np.ndarray:
    """Return a table in which each of 0..n-1 stands as often as its chance says: a uniform entry of it is a draw."""
    chance = (np.arange(n) + 1 + flat) ** -exponent
    cells = max(1 << 22, 8 * n)
    count = np.diff(np.round(np.cumsum(chance) / chance.sum() * cells).astype(np.int64), prepend=0)
    return np.repeat(generator.permutation(n).astype(np.int32), count)
