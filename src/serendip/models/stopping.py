"""When a fit by epochs ends, and which epoch's parameters are kept."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import numpy as np

from serendip.arrays import CSR, F32, I32
from serendip.data.dataset import Dataset
from serendip.metrics.ranking import hits, ndcg
from serendip.models.contract import Run

CHECKS = 20  # looks at a validation part in a fit whose epochs are many
JUDGES = 2000  # users of a validation part who are asked for slates
PATIENCE = 3  # looks at a validation part without a better one that end a fit

Parameters = TypeVar("Parameters", bound=NamedTuple)


def best_epoch(
    w: Parameters, learning: Iterable[object], error: Callable[[Parameters], float] | None,
    *, n: int, what: str, run: Run, every: int = 1,
) -> Parameters:  # fmt: skip
    """Go through n epochs, each of which updates the arrays of w; return w, or a copy of it as it was at its best.

    error: what is least at the best epoch, asked for `every` so many; None where there is nothing to judge by: then the
    last epoch counts.
    """
    best, least, since = w, np.inf, 0
    for epoch, _ in enumerate(learning, 1):
        run.report(f"{what}: epochs", epoch, n)
        if error is None or epoch % every:
            continue
        now, since = error(w), since + 1
        if now < least:
            best, least, since = copied(w), now, 0
        if since == PATIENCE:
            break
    return best


def copied(w: Parameters) -> Parameters:
    """Return the same parameters in arrays of their own: the next epoch changes the others in place."""
    return w._replace(**{name: part.copy() for name, part in w._asdict().items() if isinstance(part, np.ndarray)})


def judges(data: Dataset, validation: Dataset) -> tuple[I32, CSR]:
    """Return users who took known items in a validation part, and these items.  # (B,), (B, n_items)"""
    withheld = validation.matrix[: data.n_users, : data.n_items]
    every = np.flatnonzero(np.diff(withheld.indptr))
    user: I32 = every[:: max(1, len(every) // JUDGES)].astype(np.int32)
    return user, withheld[user]


def mean_ndcg(item: I32, withheld: CSR) -> float:
    """Return the mean NDCG of slates of judges.  # (B, k), (B, n_items)"""
    hit = hits(item, withheld.indptr, withheld.indices)
    return float(np.mean(ndcg(hit, np.diff(withheld.indptr), item.shape[1])))


def squared_error(
    run: Run, data: Dataset, predict: Callable[[Parameters, I32, I32], F32]
) -> Callable[[Parameters], float] | None:
    """Return what tells the mean squared error on the run's validation part, None where no rating there can be told.

    predict(w, user, item) -> rating  # (N,), (N,) -> (N,)
    """
    part = run.validation
    if part is None or part.value is None:
        return None
    rated = part.rated & (part.user < data.n_users) & (part.item < data.n_items)
    user, item, value = part.user[rated], part.item[rated], part.value[rated]
    return (lambda w: float(np.mean((predict(w, user, item) - value) ** 2))) if len(value) else None
