"""The standard score, by which scores of different models can be compared: less the mean, over the standard deviation.

Renda, Straccia, "Web Metasearch: Rank vs. Score Based Rank Aggregation Methods", SAC 2003.
"""

import numpy as np

from serendip.arrays import F32, F64


def moments(score: F32) -> tuple[F64, F64]:
    """Return the mean and the variance of what a model knows for each query, 0 where it knows nothing.

    (B, n_items), NaN where unknown -> (B, 1), (B, 1)
    """
    known = ~np.isnan(score)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, score, 0).sum(axis=1, keepdims=True, dtype=np.float64) / count
    variance = (np.where(known, score - mean, 0) ** 2).sum(axis=1, keepdims=True) / count
    return np.asarray(mean, np.float64), np.asarray(variance, np.float64)
