"""What a metric comes to: the mean alone is the one that the interval stands around."""

import numpy as np

from serendip.evaluation.measured import PooledAUC, UserMean, Whole

NAN = float("nan")


def test_the_mean_alone_is_that_of_the_estimate() -> None:
    value, weight = np.array([0.25, NAN, 4.0, 9.0]), np.array([3.0, 5.0, 1.0, 0.0])
    for one in (UserMean(value), UserMean(value, weight), UserMean(value, weight, np.sqrt), UserMean(value[:3], None)):
        assert np.isclose(one.mean, one.estimate().mean)
    assert np.isclose(UserMean(value, weight, np.sqrt).mean, np.sqrt(4.75 / 4))
    assert np.isnan(UserMean(np.array([NAN, NAN])).mean) and Whole(0.5, 3).mean == 0.5
    label, score = np.array([1, 0, 1, 0], np.float32), np.array([0.9, 0.1, 0.4, 0.6], np.float32)
    curve = PooledAUC(label, score, np.array([0, 0, 1, 1]), 2)
    assert curve.mean == 0.75 == curve.estimate().mean
