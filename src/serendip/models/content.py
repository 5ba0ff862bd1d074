"""Content: items whose attributes are like those of what the user took to, new items among them.

Pazzani, Billsus, "Content-Based Recommendation Systems", The Adaptive Web, LNCS 4321, 2007; the weights of words as
in Salton, Buckley, "Term-weighting approaches in automatic text retrieval", IPM 24(5), 1988; what is disliked counts
against as in Rocchio, "Relevance Feedback in Information Retrieval", The SMART Retrieval System, 1971.
"""

from dataclasses import dataclass
from typing import ClassVar

from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Run, learnable_attributes
from serendip.models.cost import Cost, Size
from serendip.models.encoder import Encoder, encoding
from serendip.models.hyperparameter import hyper
from serendip.models.itemfeatures import ItemFeatures


@dataclass(frozen=True)
class Content(Algorithm):
    """score(u, i) = f_i (mean of f_j over what u took, by weight - negative times the mean over what u disliked).

    f are the attributes as vectors of length 1; disliked is what is rated below the threshold, hidden or disliked.
    O(words) time and memory to fit.

    Use it for new items, which it takes up at once, and where little is known of the user. Not without attributes, nor
    alone where there are many events: it knows nothing of quality.

    >>> import serendip
    >>> films = {"item": ["alien", "solaris", "heidi"], "genres": ["space", "space", "alps"]}
    >>> data = serendip.read({"user": ["ann", "bob"], "item": ["alien", "heidi"]}, items=films)
    >>> model = serendip.Content().fit(data)
    >>> serendip.recommend(model, data, ["ann"], k=1)["item_id"].to_list()  # which nobody has seen yet
    ['solaris']
    """

    name: ClassVar[str] = "content"
    uses: ClassVar[frozenset[str]] = frozenset({"history", "item_features"})

    columns: tuple[str, ...] = hyper((), "Attributes to use; empty for all.")
    text: float = hyper(1.0, "Weight of each column of text (title, description), 0 to leave out.", low=0, high=100)
    category: float = hyper(1.0, "Weight of each column of categories, 0 to leave out.", low=0, high=100)
    number: float = hyper(0.25, "Weight of each column of numbers or dates, 0 to leave out.", low=0, high=100)
    vector: float = hyper(1.0, "Weight of each column of vectors, and of the embedder's.", low=0, high=100)
    embedder: str = hyper("", "A sentence-transformers model, by name or folder, that reads the text; empty: none.")
    negative: float = hyper(0.0, "What the disliked counts beside the liked.", low=0.0, high=10.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemFeatures:
        features = learnable_attributes(data.item_features, self.columns, self.name, "items")
        encoder = Encoder.of(features, self.columns or tuple(features.columns), self.weights, self.embedder)
        if not encoder.columns and not encoder.embedder:
            raise UserError(
                "content finds no attribute that tells items apart: all are missing, constant or left out; "
                "give titles, categories or prices"
            )
        return ItemFeatures(data.users, data.items, data.fitted_rules, encoder.encode(features), encoder,
                            negative=self.negative)  # fmt: skip

    def cost(self, size: Size) -> Cost:
        return encoding(size.item_features, self.columns, self.weights)  # beside the embedder's own

    @property
    def weights(self) -> dict[str, float]:
        """What a column of each kind counts."""
        return {"text": self.text, "category": self.category, "number": self.number, "vector": self.vector}
