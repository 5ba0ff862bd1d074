"""Any object that scores is a model: judged, recommended from and, where it is of arrays, served."""

import warnings

import numpy as np
import pytest

from serendip.adapters import implicit
from serendip.adapters.scored import adopted
from serendip.checks.toys import planted
from serendip.data.split import last_share
from serendip.errors import UserError
from serendip.models.popular import Popular
from serendip.service.bring import data_of, publish
from serendip.service.judge import evaluate
from serendip.service.open import opened
from serendip.service.recommend import recommend
from serendip.service.slate import slate


class Counts:
    """A model of one's own that owes nothing to this library: items by how often they were taken."""

    def __init__(self, data):
        self.count = np.bincount(data.matrix.indices, minlength=data.n_items).astype(float)

    def score(self, queries):
        return np.tile(self.count, (len(queries), 1))


def test_an_object_with_scores_is_judged_and_recommends():
    parts = last_share(planted().data)
    own = Counts(parts.train)
    found = evaluate([own, "popular", Popular().fit(parts.train)], parts, "recall@10")
    assert found["algorithm"].to_list() == ["Counts", "popular", "ItemScores"]
    assert found["mean"][1] == found["mean"][2]
    assert found["mean"][0] == pytest.approx(found["mean"][1], abs=0.02)  # other ties
    again = evaluate({"mine": own, "theirs": "popular"}, parts, "recall@10")
    assert again["algorithm"].to_list() == ["mine", "theirs"] and again["mean"].equals(found["mean"][:2])
    ours = recommend(own, parts.train, users=["u3"], k=5)
    assert ours["score"].to_list() == sorted(ours["score"].to_list(), reverse=True)
    model = adopted(own, parts.train)
    given = model.score(parts.train.queries(np.array([1], np.int32)), np.array([[4, -1]], np.int32))
    assert given[0, 0] == own.count[4] and np.isnan(given[0, 1])


def test_what_is_no_model_is_refused():
    data = planted().data
    with pytest.raises(UserError, match="int is no model"):
        adopted(3, data)

    class Short:
        def score(self, queries):
            return np.zeros((len(queries), 2))

    with pytest.raises(UserError, match=r"Short.score gave 300 x 2 scores for 300 queries and 120 items"):
        recommend(Short(), data)


def test_a_project_serves_a_model_that_was_brought(shop):
    neighbours = pytest.importorskip("implicit.nearest_neighbours", reason="implicit is not installed")
    data = data_of("project")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own about the form of matrices
        model = implicit.fit(neighbours.CosineRecommender(K=20), data)
    version = publish(model, "project", name="cosine")
    live = opened(shop / "project")
    assert live.version == version
    made = slate(live, "u14", 5)
    live.store.close()
    assert [item.title.split()[-1] for item in made.items[:3]] == ["2"] * 3  # u14's taste
    assert all(item.source == "model" for item in made.items[:3])
    with pytest.raises(UserError, match="lives in this process alone"):
        publish(adopted(Counts(data), data), "project")
