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

    O(epochs rows fields^2 rank) time, O(rows + features fields rank) memory.

    Use it in place of fm where there are many rows and several fields of context. Not where fresh events count: they
    change nothing before the next fit.

    >>> import serendip
    >>> acts = {"user": range(80), "item": ["news", "film", "song", "game"] * 20, "device": ["phone", "tv"] * 40}
    >>> data = serendip.read({**acts, "place": ["home", "home", "train", "train"] * 20}, context=["device", "place"])
    >>> model, now = serendip.FFM(rank=4).fit(data), {"device": "phone", "place": "train"}
    >>> serendip.recommend(model, data, history=[[]], context=now, k=1)["item_id"].to_list()
    ['song']
    """

    name: ClassVar[str] = "ffm"
    aware: ClassVar[bool] = True

    rank: int = hyper(16, "Factors a feature.", low=1, high=1024, log=True)
    epochs: int = hyper(12, "Passes over all rows.", low=1, high=1000, log=True)
    l2: float = hyper(0.003, "Penalty on squared factors, at each row.", low=0.0, high=1.0)
