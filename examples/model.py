"""Bring your own model: one file, held to the same promises and judged on the same terms as the others.

Here: items by how often they were taken one right after the other, the first-order Markov chain of a shop's visits.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix

import serendip
from serendip.checks import check
from serendip.data.dataset import Dataset
from serendip.data.shop import simulate
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.hyperparameter import hyper
from serendip.models.itemweights import ItemWeights
from serendip.service.read import dataset


@dataclass(frozen=True)
class Markov(Algorithm):
    """score(u, i) = sum over the history's j of (how often i came at most `window` steps from j) / n_i^damping."""

    name: ClassVar[str] = "markov"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    window: int = hyper(10, "Steps apart that still count as together.", low=1, high=100)
    damping: float = hyper(0.5, "Exponent by which popular items count less.", low=0.0, high=1.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemWeights:
        learnable(data, self.name)
        liked = np.asarray(data.matrix[data.user, data.item]).ravel() > 0  # (N,), in each user's time order
        user, item = data.user[liked], data.item[liked]
        count = np.zeros((data.n_items, data.n_items), np.float32)
        for step in range(1, self.window + 1):
            near = user[step:] == user[:-step]
            pair = item[:-step][near], item[step:][near]
            count += csr_matrix((np.ones(near.sum(), np.float32), pair), shape=count.shape).toarray()
        count += count.T
        np.fill_diagonal(count, 0)
        taken = np.bincount(item, minlength=data.n_items).astype(np.float32)  # (n_items,)
        weights = np.asarray(count / np.maximum(taken, 1) ** np.float32(self.damping), np.float32)
        return ItemWeights(data.users, data.items, data.fitted_rules, weights, taken > 0)


def main() -> None:
    check(Markov())
    print("Markov keeps every promise of the contract")

    data = dataset(simulate(seed=0, n_users=400, n_items=120, days=120).tables)
    parts = serendip.split(data, "last-share")
    print(serendip.evaluate(["popular", "itemknn", Markov(), Markov(window=2)], parts, "ndcg@10,recall@10"))


if __name__ == "__main__":
    main()
