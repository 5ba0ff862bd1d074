"""A field-aware factorisation machine: a feature has other factors for each field that it meets.

Juan, Zhuang, Chin, Lin, "Field-aware Factorization Machines for CTR Prediction", RecSys 2016,
doi:10.1145/2959100.2959134.
"""

from dataclasses import dataclass
from typing import ClassVar

from serendip.models.fm import FM
from serendip.models.hyperparameter import hyper


@dataclass(frozen=True)
class FFM(FM):
    """min sum loss(s), s = b + sum_a x_a w_a + sum_(a < b) x_a x_b v_a,f(b) v_b,f(a), f a feature's field; AdaGrad.

    O(epochs rows fields^2 rank) time, O(features fields rank) memory. Use it in place of fm where there are many
    rows and several fields of context. Fresh events change nothing before the next fit.
    """

    name: ClassVar[str] = "ffm"
    aware: ClassVar[bool] = True

    rank: int = hyper(16, "Factors a feature.", low=1, high=1024, log=True)
    epochs: int = hyper(12, "Passes over all rows.", low=1, high=1000, log=True)
    l2: float = hyper(0.003, "Penalty on squared factors, at each row.", low=0.0, high=1.0)
