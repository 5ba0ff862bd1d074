"""Errors of predicted values: one number a row; the metric is the mean over rows (and its root for RMSE)."""

import numpy as np
from numpy.typing import NDArray

from serendip.arrays import F64
from serendip.errors import UserError


def absolute_errors(value: NDArray[np.generic], predicted: NDArray[np.generic]) -> F64:
    """Return |predicted - value| a row, (n,); raises UserError where a prediction is NaN or infinite."""
    return np.abs(_errors(value, predicted))


def squared_errors(value: NDArray[np.generic], predicted: NDArray[np.generic]) -> F64:
    """Return (predicted - value) squared a row, (n,); raises UserError where a prediction is NaN or infinite."""
    return _errors(value, predicted) ** 2


def mae(value: NDArray[np.generic], predicted: NDArray[np.generic]) -> float:
    """Return the mean absolute error over rows, in units of the value."""
    return float(absolute_errors(value, predicted).mean())


def mse(value: NDArray[np.generic], predicted: NDArray[np.generic]) -> float:
    """Return the mean squared error over rows, in units of the value squared."""
    return float(squared_errors(value, predicted).mean())


def rmse(value: NDArray[np.generic], predicted: NDArray[np.generic]) -> float:
    """Return the root of the mean squared error over rows, in units of the value."""
    return float(np.sqrt(mse(value, predicted)))


def _errors(value: NDArray[np.generic], predicted: NDArray[np.generic]) -> F64:
    error: F64 = predicted.astype(np.float64) - value.astype(np.float64)
    lost = int(np.count_nonzero(~np.isfinite(error)))
    if lost:  # a mean over the other rows would flatter the model
        raise UserError(f"{lost} of {len(error)} rows have no finite value or prediction; an error needs both")
    return error
