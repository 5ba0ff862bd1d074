import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from serendip.errors import UserError
from serendip.metrics import discrimination


def pairs(above: list[float], below: list[float]) -> float:
    """AUC as it is defined: the share of pairs won, ties half."""
    if not above or not below:
        return float("nan")
    return sum((a > b) + (a == b) / 2 for a in above for b in below) / (len(above) * len(below))


def test_golden() -> None:
    label, score = np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.5, 0.1])
    assert discrimination.auc(label, score) == (1 + 1 + 0.5 + 1) / 4


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=40))
def test_auc_equals_all_pairs_and_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    label, score = np.array([r for r, _ in rows]), np.array([float(s) for _, s in rows])
    value = discrimination.auc(label, score)
    expected = pairs(list(score[label]), list(score[~label]))
    assert value == pytest.approx(expected, nan_ok=True)
    if 0 < label.sum() < len(label):
        assert value == pytest.approx(roc_auc_score(label, score))


def test_unknown_scores_lose_to_all_and_tie_with_each_other() -> None:
    label, score = np.array([1, 0, 0]), np.array([np.nan, np.nan, 0.0])
    assert discrimination.auc(label, score) == 0.25


def test_resampled_auc_repeats_the_rows_of_each_user() -> None:
    random = np.random.default_rng(3)
    label, score = random.integers(0, 2, 60), random.integers(0, 9, 60).astype(np.float32)
    user = random.integers(0, 8, 60)
    counts = np.array([[1] * 8, [0, 2, 1, 0, 3, 1, 1, 0], [0] * 8])
    value = discrimination.resampled_auc(label, score, user, counts)
    assert value[0] == pytest.approx(discrimination.auc(label, score))
    again = np.repeat(np.arange(60), counts[1][user])
    assert value[1] == pytest.approx(discrimination.auc(label[again], score[again]))
    assert np.isnan(value[2])


@given(st.integers(0, 2**32 - 1))
def test_auc_by_user_equals_all_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    score = random.integers(0, 5, (4, 12)).astype(np.float32)
    score[random.random((4, 12)) < 0.2] = np.nan
    relevant, excluded = random.random((4, 12)) < 0.3, random.random((4, 12)) < 0.3
    indptr = np.concatenate([[0], np.cumsum(relevant.sum(axis=1))])
    outside = random.integers(0, 2, 4)  # relevant items that the catalogue does not know
    value = discrimination.auc_by_user(score, indptr, np.nonzero(relevant)[1], excluded, relevant.sum(axis=1) + outside)
    known = np.where(np.isnan(score), -np.inf, score)
    for b in range(4):
        above = list(known[b][relevant[b] & ~excluded[b]]) + [-np.inf] * outside[b]
        assert value[b] == pytest.approx(pairs(above, list(known[b][~relevant[b] & ~excluded[b]])), nan_ok=True)


def test_auc_by_user_needs_neither_exclusions_nor_counts() -> None:
    score = np.array([[3, 1, 2], [1, 1, 1]], np.float32)
    value = discrimination.auc_by_user(score, np.array([0, 1, 2]), np.array([2, 0]))
    assert value.tolist() == [0.5, 0.5]


def test_logloss_equals_scikit_learn() -> None:
    random = np.random.default_rng(0)
    label, p = random.integers(0, 2, 300), random.random(300)
    p[:2], label[:2] = [0, 1], [1, 0]  # certain and wrong: finite
    assert discrimination.logloss(label, p) == pytest.approx(log_loss(label, p))
    assert discrimination.logloss(np.array([1, 0]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))


@pytest.mark.parametrize("p", [[0.2, 1.5], [-0.1, 0.2], [np.nan, 0.2]])
def test_logloss_of_what_is_no_probability_is_refused(p: list[float]) -> None:
    with pytest.raises(UserError, match="needs probabilities"):
        discrimination.logloss(np.array([1, 0]), np.array(p))
