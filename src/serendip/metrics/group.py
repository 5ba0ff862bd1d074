"""From rows to users and from users to groups of users: any metric by segment."""

from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray

from serendip.arrays import F64, Ints

MISSING = "(missing)"


def by_user(row: F64, user: Ints, n_users: int) -> tuple[F64, F64]:
    """Return each user's mean of a value a row and number of rows, (n_users,) both; NaN and 0 where there is none.

    Their weighted mean is the mean over rows, so intervals over users come from these two.
    """
    weight = np.bincount(user, minlength=n_users).astype(np.float64)
    total = np.bincount(user, row, minlength=n_users)
    return np.divide(total, weight, out=np.full(n_users, np.nan), where=weight > 0), weight


def by_group(value: F64, label: Sequence[object] | NDArray[np.generic]) -> dict[str, F64]:
    """Split a value a user, (B,), by group label, (B,), into a dict in order of label, the missing label last.

    None, NaN and "" are one group of their own, "(missing)", which is never merged into another.
    """
    if len(value) != len(label):
        raise ValueError(f"{len(value)} values but {len(label)} labels")
    names = [MISSING if x is None or x == "" or (isinstance(x, float) and isnan(x)) else str(x) for x in label]
    array = np.array(names, dtype=np.str_)
    return {name: value[array == name] for name in sorted(set(names), key=lambda n: (n == MISSING, n))}
