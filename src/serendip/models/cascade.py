"""A cascade hybrid: one model chooses which items, another decides their order.

Burke, "Hybrid Recommender Systems: Survey and Experiments", UMUAI 12(4), 2002, section 3.5.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.cascaded import Cascaded
from serendip.models.children import Fits, algorithm, fits, fitted, held
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.hyperparameter import hyper

DEFAULT = ("itemknn", "als")


@dataclass(frozen=True)
class Cascade(Algorithm):
    """slate(u) = the `depth` best of the first algorithm in the order of the second's scores, then the first's others.

    Time and memory are the sum of the two; the second scores `depth` items a user alone.

    Use it where the second is better at telling near ties apart than at finding. Not where the second is better
    throughout.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbccdef"), "item": "tent lamp tent lamp tent bag bag bag pen".split()})
    >>> models = [serendip.Cascade(("itemknn", second), depth=2).fit(data) for second in ("itemknn", "popular")]
    >>> [serendip.recommend(model, data, history=[["tent"]])["item_id"].to_list() for model in models]
    [['lamp', 'bag'], ['bag', 'lamp']]
    """

    name: ClassVar[str] = "cascade"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history", "order", "item_features"})

    algorithms: tuple[str, ...] = hyper(
        (), "The first and the second, each `name` or `name:field=value:...`; empty: itemknn, then als."
    )
    depth: int = hyper(30, "Items that the second puts in order.", low=2, high=10_000, log=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.algorithms:
            algorithm(text)
        if len(self.algorithms) not in (0, 2):
            raise UserError(f"cascade needs two algorithms, not {len(self.algorithms)}")

    def fit(self, data: Dataset, *, run: Run = Run()) -> Cascaded:
        learnable(data, self.name)
        first, second = fitted(self.algorithms or DEFAULT, data, replace(run, start=None))
        return Cascaded(data.users, data.items, data.fitted_rules, first, second, self.depth)

    def fits(self, size: Size) -> Fits:
        return fits(self.algorithms or DEFAULT, size)

    def cost(self, size: Size) -> Cost:
        return Cost(held(self.fits(size)), 0.0)
