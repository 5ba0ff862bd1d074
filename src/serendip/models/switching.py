"""A switching hybrid: the more is known of a user, the more is asked of the model.

Burke, "Hybrid Recommender Systems: Survey and Experiments", UMUAI 12(4), 2002, section 3.2.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from serendip.arrays import F64, I32, Bool, ItemLists
from serendip.data.dataset import Dataset
from serendip.data.interactions import weigh
from serendip.errors import UserError
from serendip.metrics.ranking import measured
from serendip.models.blend import Blend
from serendip.models.children import APART, Fits, algorithm, fits, fitted, held, most
from serendip.models.contract import SCORES, Algorithm, Model, Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.hyperparameter import hyper

FIRST, SECOND, LAST = "als", ("content", "itemknn", "demographic", "popular"), "popular"
MIN_HISTORY = 5  # where too few users can be withheld to learn it
LENGTHS = (1, 2, 3, 5, 7, 10, 15, 20)  # of the histories that users who are withheld bring
WITHHELD, JUDGES = 0.1, 1000  # of the users, and so many at most
ENOUGH = 50  # users who have more events than a length, for it to count
DOUBT = 2.0  # standard errors by which it has to beat popular where there is no history
SCORED = 8  # bytes of a score while slates are made
SLATE = 10  # items by which algorithms are judged


@dataclass(frozen=True)
class Switching(Algorithm):
    """score(u, i) = the first algorithm's from `min_history` interactions on, the second's below, the last's at none.

    What is not said is learned: a tenth of the users is withheld and brings its first 1, 2, 3, ... events. Time and
    memory are the sum of the algorithms', twice where something is learned.

    Use it where many users are new: nobody gets an empty slate. Not where one algorithm serves short histories as well
    as long ones.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbccdef"), "item": "tent lamp tent lamp pen ink bag bag bag".split()})
    >>> model = serendip.Switching(("itemknn", "popular"), min_history=1).fit(data)
    >>> serendip.recommend(model, data, history=[[], ["tent"]], k=1)["item_id"].to_list()  # a visitor, and a camper
    ['bag', 'lamp']
    """

    name: ClassVar[str] = "switching"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history", "order", "item_features", "user_features"})

    algorithms: tuple[str, ...] = hyper(
        (),
        "Two or three, each `name` or `name:field=value:...`; empty: als, then whichever of content, itemknn, "
        "demographic and popular serves short histories best, then popular.",
    )
    min_history: int | None = hyper(
        None, "Interactions from which on the first algorithm answers; none: learned.", low=1, high=10_000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.algorithms:
            algorithm(text)
        if len(self.algorithms) not in (0, 2, 3):
            raise UserError(f"switching needs two or three algorithms, not {len(self.algorithms)}")

    def fit(self, data: Dataset, *, run: Run = Run()) -> Blend:
        learnable(data, self.name)
        names, min_history = self.algorithms, self.min_history
        if not names or min_history is None:
            attributes = data.item_features is not None, data.user_features is not None
            first, seconds = (names[0], (names[1],)) if names else (FIRST, feedable(*attributes))
            second, learned, strangers = stages(first, seconds, min_history, data, run)
            names, min_history = names or (FIRST, second, LAST)[: 2 if strangers else 3], min_history or learned
        children = fitted(names, data, run)
        least = np.array([min_history, 1, 0] if len(children) == 3 else [min_history, 0], np.int64)
        levels = np.eye(len(children), dtype=np.float32)
        return Blend(data.users, data.items, data.fitted_rules, children, levels, least)

    def fits(self, size: Size) -> Fits:
        names, tries = self.algorithms, self.tries(size)
        if not names:
            seconds = fits(feedable(size.item_features is not None, size.user_features is not None), size)
            return [*tries, *fits((FIRST, LAST), size), max(seconds, key=lambda fit: held([fit]))]
        return [*tries, *fits(names, size)]

    def tries(self, size: Size) -> Fits:
        """Return the fits by which what is not said is learned, none where too few users can be withheld."""
        names = self.algorithms
        out = self.withheld(size)
        if (names and self.min_history is not None) or out < ENOUGH:
            return []
        seconds = names[1:2] or feedable(size.item_features is not None, size.user_features is not None)
        return fits(dict.fromkeys([names[0] if names else FIRST, *seconds]), size.part(1 - out / size.n_users))

    @staticmethod
    def withheld(size: Size) -> int:
        """Return how many users are withheld."""
        return min(JUDGES, round(WITHHELD * np.count_nonzero(size.user * size.taken > size.events)))

    def cost(self, size: Size) -> Cost:
        tries = self.tries(size)
        kept, scores = held(self.fits(size)[len(tries) :]), self.withheld(size) * size.n_items
        if not tries:
            return Cost(kept, 0.0)
        learning = most(tries) + APART * size.events + SCORED * min(scores, SCORES)
        return Cost(max(kept, learning), scores * len(tries) * len(LENGTHS))


def feedable(items: bool, users: bool) -> tuple[str, ...]:
    """Return those for short histories for which there are attributes of items and of users."""
    there = {"content": items, "demographic": users}
    return tuple(name for name in SECOND if there.get(name, True))


def stages(first: str, seconds: tuple[str, ...], given: int | None, data: Dataset, run: Run) -> tuple[str, int, bool]:
    """Return which of some algorithms serves short histories best, from how many interactions on the first does, and
    whether that which serves short ones serves who has none better than popular does, beyond doubt.

    given: that number where it is not to be learned. All lengths of a history count alike.
    """
    good: Bool = weigh(data.history.events, data.fitted_rules) > 0
    count = np.bincount(data.user[good], minlength=data.n_users)
    long = np.flatnonzero(count > 1)
    out = np.random.default_rng(run.seed).permutation(long)[: min(JUDGES, round(WITHHELD * len(long)))]
    lengths = np.array([n for n in LENGTHS if np.count_nonzero(count[out] > n) >= ENOUGH])
    if not len(lengths):
        return seconds[0], given or MIN_HISTORY, False
    new = np.isin(data.user, out)
    train, judges = data.where(~new), data.where(new & good)
    values, nothing = {}, {}
    for text in dict.fromkeys([first, *seconds]):
        try:
            model = algorithm(text).fit(train, run=replace(run, start=None))
        except UserError:
            if text == first or len(seconds) == 1:
                raise
            continue
        values[text] = np.array([value(model, judges, n).mean() for n in lengths])
        nothing[text] = value(model, judges, 0)
    least = (*lengths.tolist(), 2 * int(lengths[-1])) if given is None else (given,)
    ways = [(text, n) for text in seconds if text in values for n in least]
    second, switch = max(ways, key=lambda way: float(np.where(lengths >= way[1], values[first], values[way[0]]).mean()))
    more = nothing[second] - nothing.get(LAST, np.inf)
    return second, switch, bool(more.mean() > DOUBT * more.std() / np.sqrt(len(more)))


def value(model: Model, judges: Dataset, n: int) -> F64:
    """Return the NDCG of each slate for users whom the model has not met, who bring their first n events."""
    row = np.arange(len(judges)) - judges.offset[:-1][judges.user]
    early, late = judges.where(row < n), judges.where(row >= n).matrix
    user: I32 = np.flatnonzero(np.diff(late.indptr)).astype(np.int32)
    seen = early.matrix[user]
    queries = replace(early.queries(user), user=np.full(len(user), -1, np.int32))
    slates = model.recommend(queries, SLATE, exclude=ItemLists.of(seen))
    truth = late[user]
    count = np.diff(truth.indptr)
    found: F64 = measured(slates.item, truth.indptr.astype(np.int64), truth.indices, count, [("ndcg", SLATE)])[1][0]
    return found
