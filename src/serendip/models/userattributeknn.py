"""User attribute kNN: what people took to who are like you in age, gender, occupation or whatever is known of users.

Gantner, Rendle, Freudenthaler, Schmidt-Thieme, "MyMediaLite: A Free Recommender System Library", RecSys 2011;
Vozalis, Margaritis, "Using SVD and demographic data for the enhancement of generalized Collaborative Filtering",
Information Sciences 177(15), 2007.
"""

from dataclasses import dataclass
from typing import ClassVar

from serendip.data.dataset import Dataset
from serendip.models.attributeneighbours import AttributeNeighbours
from serendip.models.contract import Algorithm, Run, learnable, learnable_attributes
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.encoder import Encoder, encoding
from serendip.models.hyperparameter import hyper
from serendip.models.userneighbours import votes_of


@dataclass(frozen=True)
class UserAttributeKNN(Algorithm):
    """score(u, i) = sum over the k users v most like u of s_uv x_vi / n_i^damping, s_uv the cosine of their attributes.

    Nothing to fit: O(interactions) time and memory; a query costs the users who share an attribute with it.

    Use it for new users where attributes tell much together, as place and trade do. Not where users are few or their
    attributes coarse: demographic.

    >>> import serendip
    >>> users = {"user": list("abcd"), "city": ["rome", "rome", "oslo", "rome"], "job": ["cook", "vet", "cook", "cook"]}
    >>> data = serendip.read({"user": list("abc"), "item": ["knife", "leash", "scarf"]}, users=users)
    >>> model = serendip.UserAttributeKNN().fit(data)
    >>> serendip.recommend(model, data, ["d"], k=1)["item_id"].to_list()  # a new cook in Rome
    ['knife']
    """

    name: ClassVar[str] = "userattributeknn"
    uses: ClassVar[frozenset[str]] = frozenset({"user_features"})

    neighbours: int = hyper(400, "How many users are listened to.", low=1, high=100_000, log=True)
    columns: tuple[str, ...] = hyper((), "Attributes to use; empty for all.")
    text: float = hyper(0.0, "Weight of each column of text, 0 to leave out.", low=0, high=100)
    category: float = hyper(1.0, "Weight of each column of categories, 0 to leave out.", low=0, high=100)
    number: float = hyper(1.0, "Weight of each column of numbers or dates, 0 to leave out.", low=0, high=100)
    damping: float = hyper(0.0, "Exponent by which a vote for a popular item counts less.", low=0.0, high=1.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> AttributeNeighbours:
        learnable(data, self.name)
        features = learnable_attributes(data.user_features, self.columns, self.name, "users")
        encoder = Encoder.of(features, self.columns or tuple(features.columns), self.weights)
        votes = votes_of(data.matrix, self.damping)
        rules = data.fitted_rules
        vectors = encoder.encode(features)
        return AttributeNeighbours(data.users, data.items, rules, encoder, self.neighbours, vectors, votes)

    def cost(self, size: Size) -> Cost:
        encoded = encoding(size.user_features, self.columns, self.weights)
        return Cost(2 * WEIGHT * size.pairs + encoded.memory, size.events + encoded.operations)

    @property
    def weights(self) -> dict[str, float]:
        """What a column of each kind counts."""
        return {"text": self.text, "category": self.category, "number": self.number}
