"""Content: items whose attributes are like those of what the user took to, new items among them.

Pazzani, Billsus, "Content-Based Recommendation Systems", The Adaptive Web, LNCS 4321, 2007; the weights of words as
in Salton, Buckley, "Term-weighting approaches in automatic text retrieval", IPM 24(5), 1988.
"""

from dataclasses import dataclass
from typing import ClassVar

from serendip.data.dataset import Dataset
from serendip.errors import UserError, nearest
from serendip.models.contract import Algorithm, Run
from serendip.models.encoder import Encoder
from serendip.models.hyperparameter import hyper
from serendip.models.itemfeatures import ItemFeatures


@dataclass(frozen=True)
class Content(Algorithm):
    """score(u, i) = the mean cosine of item i's attributes with those of the history, by the history's weights.

    O(words) time and memory to fit. Use it for new items, which it takes up at once, and where little is known of
    the user; it needs attributes, and it knows nothing of quality.
    """

    name: ClassVar[str] = "content"
    uses: ClassVar[frozenset[str]] = frozenset({"history", "item_features"})

    columns: tuple[str, ...] = hyper((), "Attributes to use; empty for all.")
    text: float = hyper(1.0, "Weight of each column of text (title, description), 0 to leave out.", low=0, high=100)
    category: float = hyper(1.0, "Weight of each column of categories, 0 to leave out.", low=0, high=100)
    number: float = hyper(0.25, "Weight of each column of numbers or dates, 0 to leave out.", low=0, high=100)

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemFeatures:
        features = data.item_features
        if features is None:
            raise UserError("content needs attributes of items and there are none: give an items table (--items)")
        for column in self.columns:
            if column not in features.columns:
                raise UserError(f"content: items have no attribute {column!r}{nearest(column, features.columns)}")
        weights = {"text": self.text, "category": self.category, "number": self.number, "none": 0.0}
        encoder = Encoder.of(features, self.columns or tuple(features.columns), weights)
        if not encoder.columns:
            raise UserError(
                "content finds no attribute that tells items apart: all are missing, constant or left out; "
                "give titles, categories or prices"
            )
        return ItemFeatures(data.users, data.items, data.fitted_rules, encoder.encode(features), encoder)
