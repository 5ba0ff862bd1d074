"""The rules of evaluation, each on a split small enough to be counted by hand."""

import math
import os
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serendip.arrays import F32, I32, ItemLists
from serendip.data.catalogue import load_split
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.errors import UserError
from serendip.evaluation import beyond, protocol
from serendip.evaluation.measured import UserMean
from serendip.evaluation.protocol import judge
from serendip.evaluation.task import Task
from serendip.metrics.name import parse, parse_all
from serendip.models.als import ALS
from serendip.models.popular import Popular
from serendip.models.svd import SVD

SHOP = [("a", "p"), ("b", "p"), ("c", "p"), ("a", "q"), ("b", "q"), ("c", "r")]  # p before q before r


def values(task, metric, model=None):
    """Return the value of each user of a metric, of the popular list where no model is given."""
    found = judge(model or Popular().fit(task.train), task, [parse(metric)])[parse(metric)]
    assert isinstance(found, UserMean)
    return found.value.tolist()


def mean(task, metric, model=None):
    return judge(model or Popular().fit(task.train), task, [parse(metric)])[parse(metric)].estimate().mean


def test_known_items_are_not_recommended_again_and_a_newcomer_gets_the_popular_ones(make):
    task = make(SHOP, [("a", "r"), ("c", "q"), ("d", "p")])
    assert values(task, "recall@1") == [1, 1, 1]  # the slates are r, q and, for d of whom nothing is known, p
    assert task.cold.tolist() == [False, False, True]


def test_users_of_the_training_part_alone_are_not_judged(make):
    assert len(make(SHOP, [("a", "r")])) == 1


def test_an_unknown_item_counts_as_a_miss(make):
    task = make(SHOP, [("b", "r"), ("b", "never seen")])
    assert values(task, "recall@5") == [0.5]
    assert values(task, "ndcg@5") == [pytest.approx(1 / (1 + 1 / math.log2(3)))]


def test_a_pair_that_is_twice_in_the_test_part_counts_once(make):
    assert values(make(SHOP, [("a", "r"), ("a", "r"), ("a", "s")]), "recall@1") == [0.5]


def test_a_test_item_of_the_history_is_a_miss_unless_seen_items_are_kept(make):
    assert values(make(SHOP, [("a", "p")]), "recall@3") == [0]
    assert values(make(SHOP, [("a", "p")], keep_seen=True), "recall@1") == [1]


def test_a_history_replaces_the_training_rows(make):
    task = make(SHOP, [("a", "p"), ("d", "q")], history=[("a", "r"), ("d", "p"), ("d", "unheard of")])
    assert values(task, "recall@1") == [1, 1]
    assert not task.cold.any()


def test_a_user_of_whom_no_history_is_brought_is_a_newcomer(make):
    task = make(SHOP, [("a", "p")], history=[("d", "p")])
    assert task.cold.all()
    assert values(task, "recall@1") == [1]


def test_held_out_users_are_folded_in(make):
    block = [(f"u{u}", f"{'x' if u % 2 else 'y'}{i}") for u in range(20) for i in range(6) if (u + i) % 5]
    task = make(block, [("new", "x5")], history=[("new", "x0"), ("new", "x1"), ("new", "x2")])
    model = ALS(rank=4, epochs=10).fit(task.train)
    assert values(task, "recall@3", model) == [1]


def test_candidates_bound_the_ranking(make):
    task = make(SHOP, [("d", "r")], candidates=[("d", "r"), ("d", "q"), ("a", "p")])
    assert values(task, "mrr@5") == [0.5]  # q, r; without candidates p, q, r
    assert values(make(SHOP, [("d", "r")]), "mrr@5") == [pytest.approx(1 / 3)]


def test_ties_among_scored_candidates_count_half(make):
    train = [("a", "p"), ("b", "q"), ("c", "s"), ("c", "t")]
    task = make(train, [("d", "p")], candidates=[("d", "p"), ("d", "q")])
    assert values(task, "hr@1") == [0.5]
    four = make(train, [("d", "p")], candidates=[("d", i) for i in "pqst"])
    assert values(four, "hr@1") == [0.25]
    assert values(four, "mrr@4") == [pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)]


def test_a_candidate_that_nothing_is_known_of_is_never_found(make):
    task = make(SHOP, [("d", "new"), ("d", "p")], candidates=[("d", "new"), ("d", "p")])
    assert values(task, "recall@5") == [0.5]


def test_seen_items_are_no_candidates_unless_they_are_kept(make):
    asked = {"candidates": [("a", "p"), ("a", "r")]}
    assert values(make(SHOP, [("a", "r"), ("a", "p")], **asked), "precision@2") == [0.5]
    assert values(make(SHOP, [("a", "r"), ("a", "p")], keep_seen=True, **asked), "precision@2") == [1]


def test_a_user_without_candidates_has_an_empty_slate(make):
    task = make(SHOP, [("d", "p"), ("e", "p")], candidates=[("d", "p")])
    assert values(task, "hr@1") == [1, 0]


def test_no_test_item_among_the_candidates_is_an_error(make):
    with pytest.raises(UserError, match="no test item stands among its user's candidates"):
        make(SHOP, [("d", "p")], candidates=[("d", "q")])


def test_an_empty_test_part_is_an_error(make):
    task = make(SHOP, [("d", "p")])
    nothing = task.train.where(np.zeros(len(task.train), np.bool_))
    with pytest.raises(UserError, match="nothing to judge"):
        type(task).of(task.train, nothing)


def test_auc_without_labels_is_over_all_unseen_items(make):
    task = make(SHOP, [("c", "q"), ("d", "q")])
    assert values(task, "auc")[1] == 0.5  # p above q, r below
    assert math.isnan(values(task, "auc")[0])  # q is all that c has not seen: nothing to tell it from
    unknown = make(SHOP, [("d", "p"), ("d", "new")])
    assert values(unknown, "auc") == [0.5]  # p above q and r, the new one below both


def test_auc_with_candidates_is_over_these(make):
    task = make(SHOP, [("d", "q")], candidates=[("d", "q"), ("d", "r")])
    assert values(task, "auc") == [1]


LABELLED = ("user_id", "item_id", "label")


def test_auc_pools_the_rows_where_there_are_labels(make):
    rows = [(u, i, 1.0) for u, i in SHOP]
    task = make(rows, [("a", "p", 1), ("a", "r", 0), ("d", "q", 1), ("d", "p", 0), ("d", "new", 0)], columns=LABELLED)
    assert mean(task, "auc") == pytest.approx(4.5 / 6)  # p beats r, ties p, beats new; q beats r and new


def test_labelled_rows_are_relevant_and_history_only_above_zero(make):
    task = make([*((u, i, 1.0) for u, i in SHOP), ("d", "p", 0.0)], [("d", "p", 1), ("d", "q", 0)], columns=LABELLED)
    assert task.n_relevant.tolist() == [1]
    assert task.cold.all()


def test_rows_labelled_zero_are_not_learned_as_interactions(make):
    shown = [(f"u{n}", "r", 0.0) for n in range(9)]
    task = make([*((u, i, 1.0) for u, i in SHOP), *shown], [("d", "p", 1)], columns=LABELLED)
    assert values(task, "recall@1") == [1]


@dataclass
class Fixed:
    """Someone else's model: probabilities by item, values by user and item."""

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        assert item is not None
        return np.where(item >= 0, 0.25, 0.5).astype(np.float32)

    def predict(self, queries: Queries, item: I32) -> F32:
        return (3 + (queries.user >= 0) + 0.5 * (item >= 0)).astype(np.float32)


def test_log_loss_pools_the_rows(make):
    task = make([(u, i, 1.0) for u, i in SHOP], [("a", "p", 1), ("a", "q", 0), ("d", "new", 1)], columns=LABELLED)
    expected = -(math.log(0.25) + math.log(0.75) + math.log(0.5)) / 3
    assert mean(task, "logloss", Fixed()) == pytest.approx(expected)


def test_log_loss_needs_labels_and_probabilities(make):
    with pytest.raises(UserError, match="logloss needs a column 'label'"):
        mean(make(SHOP, [("a", "r")]), "logloss")
    task = make([(u, i, 1.0) for u, i in SHOP], [("a", "p", 1), ("a", "r", 0)], columns=LABELLED)
    with pytest.raises(UserError, match="probabilities"):
        mean(task, "logloss")


def test_context_comes_with_the_row(make):
    columns = ("user_id", "item_id", "label", "context.hour")
    seen = []

    class Hourly:
        def score(self, queries: Queries, item: I32 | None = None) -> F32:
            seen.extend(queries.context["hour"])
            return np.asarray(queries.context["hour"], np.float32)[:, None]

    train = [(u, i, 1.0, 0) for u, i in SHOP]
    task = make(train, [("a", "p", 0, 3), ("a", "p", 1, 9), ("b", "q", 0, 5)], columns=columns)
    assert mean(task, "auc", Hourly()) == 1
    assert seen == [3, 9, 5]


def test_errors_are_means_over_rows_of_unknown_users_and_items_too(make):
    rated = [(u, i, 4.0) for u, i in SHOP]
    task = make(rated, [("a", "p", 4.5), ("a", "new", 2.0), ("d", "p", 3.5), ("d", "new", 3.0), ("d", "q", None)])
    assert mean(task, "mae", Fixed()) == pytest.approx(2 / 4)
    assert mean(task, "mse", Fixed()) == pytest.approx(4 / 4)
    assert mean(task, "rmse", Fixed()) == pytest.approx(1)


def test_svd_predicts_for_strangers(make):
    rated = [(f"u{u}", f"i{i}", float(1 + (u + i) % 5)) for u in range(8) for i in range(6)]
    task = make(rated, [("u1", "i1", 3.0), ("stranger", "i1", 4.0), ("u1", "strange", 2.0), ("who", "what", 1.0)])
    assert 0 < mean(task, "rmse", SVD(epochs=3).fit(task.train)) < 3


def test_a_model_of_implicit_feedback_gives_no_errors_of_values(make):
    task = make([(u, i, 4.0) for u, i in SHOP], [("a", "r", 4.0)])
    for model in (Popular().fit(task.train), ALS(rank=2, epochs=1).fit(task.train)):
        with pytest.raises(UserError, match="predicts no values and cannot give rmse"):
            mean(task, "rmse", model)


def test_values_are_needed_for_errors(make):
    with pytest.raises(UserError, match="needs a column 'value'"):
        mean(make(SHOP, [("a", "r")]), "mae", Fixed())


class OnlySlates:
    """The least that can be judged: it leaves nothing out and repeats itself."""

    def recommend(self, queries: Queries, k: int) -> Slates:
        item = np.tile(np.array([0, 2, 2, 1][:k], np.int32), (len(queries), 1))
        return Slates(item, np.zeros(item.shape, np.float32))


def test_slates_are_enough_and_what_they_should_not_hold_is_missed(make):
    task = make(SHOP, [("a", "p"), ("a", "r"), ("d", "r")])  # the ids in order: p, q, r
    assert values(task, "recall@3", OnlySlates()) == [0.5, 1]
    assert values(task, "precision@3", OnlySlates()) == [pytest.approx(1 / 3), pytest.approx(1 / 3)]


class Leaves(OnlySlates):
    """It is told what to leave out."""

    def recommend(self, queries: Queries, k: int, exclude: ItemLists | None = None) -> Slates:
        assert exclude is not None
        return super().recommend(queries, k)


def test_a_model_that_can_leave_items_out_is_told_which(make):
    assert values(make(SHOP, [("a", "r")]), "hr@2", Leaves()) == [1]


def test_what_has_no_slates_cannot_be_ranked(make):
    with pytest.raises(UserError, match="makes no slates"):
        mean(make(SHOP, [("a", "r")]), "hr@2", Fixed())


def test_measures_beyond_accuracy(make):
    task = make(SHOP, [("d", "p"), ("e", "r")])  # both get p, q
    popular = Popular().fit(task.train)
    names = "coverage@2,gini@2,novelty@2,diversity@2,serendipity@2,popularity_lift@2,entropy@2"
    found = {str(m): v.estimate().mean for m, v in judge(popular, task, parse_all(names)).items()}
    assert found["coverage@2"] == pytest.approx(2 / 3)
    assert found["entropy@2"] == pytest.approx(1)
    assert found["gini@2"] == pytest.approx(1 / 3)
    assert found["novelty@2"] == pytest.approx(-(math.log2(3 / 6) + math.log2(2 / 6)) / 2)
    assert found["diversity@2"] == pytest.approx(1 - 2 / math.sqrt(6))  # takers of p: abc, of q: ab
    assert found["serendipity@2"] == 0
    assert math.isnan(found["popularity_lift@2"])  # nobody brings a history
    warm = make(SHOP, [("a", "r"), ("c", "q")])  # slates r and q; histories p, q and p, r
    assert mean(warm, "popularity_lift@1") == pytest.approx((1 + 2) / (2.5 + 2) - 1)


def test_progress_is_told(make):
    told = []
    task = make(SHOP, [("a", "r"), ("c", "q")])
    judge(Popular().fit(task.train), task, [parse("hr@1")], progress=lambda *a: told.append(a))
    assert told == [("evaluate: users", 2, 2)]


pairs = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("opqrstuvwx")), min_size=1, max_size=40)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(train=pairs, test=pairs, history=st.none() | pairs, keep_seen=st.booleans(), k=st.integers(1, 12))
def test_equals_counting_user_by_user(make, train, test, history, keep_seen, k):
    task = make(train, test, history=history, keep_seen=keep_seen)
    model = Popular().fit(task.train)
    takers = {i: len({u for u, j in train if j == i}) for _, i in train}
    tie = {task.train.items[i]: rank for i, rank in enumerate(task.train.items.tie)}
    ranked = sorted(takers, key=lambda i: (-takers[i], tie[i]))
    expected: dict[str, list[float]] = {name: [] for name in ("precision", "recall", "hr", "mrr", "map", "ndcg")}
    for user in dict.fromkeys(u for u in Ids([]).extend([u for u, _ in [*train, *(history or []), *test]]).series):
        truth = {i for u, i in test if u == user}
        if not truth:
            continue
        seen = {i for u, i in (train if history is None else history) if u == user}
        slate = [i for i in ranked if keep_seen or i not in seen][:k]
        places = [place for place, i in enumerate(slate, 1) if i in truth]
        expected["precision"].append(len(places) / k)
        expected["recall"].append(len(places) / len(truth))
        expected["hr"].append(float(bool(places)))
        expected["mrr"].append(1 / places[0] if places else 0)
        expected["map"].append(sum(n / place for n, place in enumerate(places, 1)) / min(k, len(truth)))
        best = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(truth)) + 1))
        expected["ndcg"].append(sum(1 / math.log2(place + 1) for place in places) / best)
    found = judge(model, task, [parse(f"{name}@{k}") for name in expected])
    for name, per_user in expected.items():
        assert found[parse(f"{name}@{k}")].value.tolist() == pytest.approx(per_user)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(train=pairs, test=pairs, candidates=pairs, k=st.integers(1, 12), block=st.integers(1, 5))
def test_blocks_do_not_matter(make, train, test, candidates, k, block):
    metrics = parse_all(f"hr@{k},ndcg@{k},auc,novelty@{k},diversity@{k},coverage@{k}")
    asked = [make(train, test)]
    if set(test) & set(candidates):
        asked.append(make(train, test, candidates=candidates, keep_seen=True))
    for task in asked:
        model = Popular().fit(task.train)
        whole = judge(model, task, metrics)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(protocol, "USERS", block)
            patch.setattr(protocol, "SCORES", block)
            patch.setattr(beyond, "TAKERS", block)
            parts = judge(model, task, metrics)
        for metric in metrics:
            np.testing.assert_allclose(whole[metric].value, parts[metric].value)


class UserAverage:
    """Predicts what a user gave on average, and 3.5 for a stranger."""

    def predict(self, queries: Queries, item: I32) -> F32:
        history = queries.history
        assert history.value is not None
        total = np.concatenate([[0], np.cumsum(history.value, dtype=np.float64)])
        count = np.diff(history.offset)
        given = total[history.offset[1:]] - total[history.offset[:-1]]
        return np.where(count > 0, given / np.maximum(count, 1), 3.5).astype(np.float32)


@pytest.mark.skipif("SERENDIP_DATA" not in os.environ, reason="SERENDIP_DATA is not set: MovieLens is not at hand")
def test_user_averages_err_as_published():
    split = load_split("ml-100k/u1", offline=True)
    task = Task.of_tables(split.train, split.test.events, InteractionRules())
    found = judge(UserAverage(), task, parse_all("rmse,mae"))
    assert found[parse("rmse")].estimate().mean == pytest.approx(1.063, abs=5e-4)
    assert found[parse("mae")].estimate().mean == pytest.approx(0.85019, abs=5e-6)
