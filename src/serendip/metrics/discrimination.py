"""How well scores tell relevant from irrelevant: the area under the ROC curve, and the log loss of probabilities.

AUC is the chance that a relevant item scores above an irrelevant one, a tie counting half: the rank-sum statistic of
Mann and Whitney (Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 1982). A score that
is NaN (unknown) ranks below all others and ties with its like.
"""

import numpy as np
from numpy.typing import NDArray

from serendip.arrays import F64, Bool, Ints
from serendip.errors import UserError

CLIP = float(np.finfo(np.float64).eps)  # probabilities are held within [CLIP, 1 - CLIP]


def auc(label: NDArray[np.generic], score: NDArray[np.floating]) -> float:
    """Return the AUC pooled over all rows, label (n,) positive where above zero; NaN where a class is missing."""
    positive, known = label.astype(np.float64) > 0, _known(score)
    return float(_auc(known[positive], np.sort(known[~positive])))


def resampled_auc(
    label: NDArray[np.generic], score: NDArray[np.floating], user: Ints, counts: NDArray[np.generic]
) -> F64:
    """Return the pooled AUC of every resample of users, (R,).

    label, score, user: (n,). counts: (R, n_users), how often each user was drawn, which is what its rows weigh.
    """
    order = np.argsort(_known(score), kind="stable")
    known, positive, user = _known(score)[order], label.astype(np.float64)[order] > 0, user[order]
    lower = np.searchsorted(known[~positive], known[positive], "left")  # (n_positive,) negatives below each positive
    not_higher = np.searchsorted(known[~positive], known[positive], "right")
    above, below = user[positive], user[~positive]
    value = np.full(len(counts), np.nan)
    for r, count in enumerate(counts):
        weight = count[above].astype(np.float64)  # (n_positive,)
        mass = np.concatenate([[0.0], np.cumsum(count[below], dtype=np.float64)])  # of the negatives, from the lowest
        pairs = weight.sum() * mass[-1]
        if pairs:
            value[r] = weight @ (mass[lower] + mass[not_higher]) / 2 / pairs
    return value


def auc_by_user(
    score: NDArray[np.floating],
    indptr: Ints,
    indices: Ints,
    excluded: Bool | None = None,
    n_relevant: Ints | None = None,
) -> F64:
    """Return each user's AUC over all items that are not excluded, (B,); NaN where it has no two sides.

    score: (B, n_items). indptr (B + 1,), indices: the relevant items as CSR. excluded: (B, n_items), the items already
    seen, which are left out on both sides. n_relevant (B,): where it exceeds the row of the CSR, the difference are
    relevant items that the catalogue does not know; they rank last, as an unknown score does.
    """
    known = _known(score)
    value = np.empty(len(score))
    for b, row in enumerate(known):
        relevant = np.zeros(score.shape[1], bool)
        relevant[indices[indptr[b] : indptr[b + 1]]] = True
        open_ = ~excluded[b] if excluded is not None else np.ones_like(relevant)
        lost = 0 if n_relevant is None else max(int(n_relevant[b] - (indptr[b + 1] - indptr[b])), 0)
        above = np.concatenate([row[relevant & open_], np.full(lost, -np.inf, row.dtype)])
        value[b] = _auc(above, np.sort(row[~relevant & open_]))
    return value


def log_losses(label: NDArray[np.generic], probability: NDArray[np.floating]) -> F64:
    """Return -log P(label) a row, (n,), natural log, probability held within [2.2e-16, 1 - 2.2e-16].

    Raises UserError where a probability is NaN or outside 0..1: a score of another kind has no log loss.
    """
    p = probability.astype(np.float64)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise UserError(
            f"logloss needs probabilities between 0 and 1, but the scores run from {p.min():.3g} to {p.max():.3g}; "
            "use a model that predicts probabilities, or the metric auc"
        )
    p = np.clip(p, CLIP, 1 - CLIP)
    return np.where(label.astype(np.float64) > 0, -np.log(p), -np.log1p(-p))


def logloss(label: NDArray[np.generic], probability: NDArray[np.floating]) -> float:
    """Return the mean log loss over rows, in nats; see `log_losses`."""
    return float(log_losses(label, probability).mean())


def _known(score: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(np.isnan(score), -np.inf, score)


def _auc(above: NDArray[np.floating], below: NDArray[np.floating]) -> float:
    """Return the AUC of relevant scores against sorted irrelevant ones."""
    if not (above.size and below.size):
        return float("nan")
    lower = np.searchsorted(below, above, "left").sum(dtype=np.float64)
    not_higher = np.searchsorted(below, above, "right").sum(dtype=np.float64)
    return float((lower + not_higher) / 2 / (above.size * below.size))
