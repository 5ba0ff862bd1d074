"""Epochs in which a kernel visits the users one after the other, because nearly any two share items."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from serendip.arrays import I32
from serendip.errors import UserError


def user_epochs(
    learn: Callable[[I32, float], float],
    n_users: int,
    n_ratings: int,
    *,
    name: str,
    epochs: int,
    learning_rate: float,
    decay: float,
    seed: int,
) -> Iterator[float]:
    """Yield the training RMSE after each epoch.

    learn(order of the users, learning rate) returns the sum of their squared errors. The order is another in each
    epoch, and the rate is multiplied by `decay` after each. Raises UserError where the descent diverged.
    """
    rate = learning_rate
    for epoch in range(epochs):
        loss = learn(np.random.default_rng((seed, epoch)).permutation(n_users).astype(np.int32), rate)
        if not math.isfinite(loss):
            raise UserError(f"{name} diverged in epoch {epoch + 1}; lower learning_rate={learning_rate}")
        rate *= decay
        yield math.sqrt(loss / max(n_ratings, 1))
