"""From rows to users."""

import numpy as np

from serendip.arrays import F64, Ints


def by_user(row: F64, user: Ints, n_users: int) -> tuple[F64, F64]:
    """Return each user's mean of a value a row and number of rows, (n_users,) both; NaN and 0 where there is none.

    Their weighted mean is the mean over rows, so intervals over users come from these two.
    """
    weight = np.bincount(user, minlength=n_users).astype(np.float64)
    total = np.bincount(user, row, minlength=n_users)
    return np.divide(total, weight, out=np.full(n_users, np.nan), where=weight > 0), weight
