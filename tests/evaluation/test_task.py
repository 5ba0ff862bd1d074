"""What a split asks: users, truth, what is left out."""

import numpy as np
import polars as pl

from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.split import held_out_users, last_out
from serendip.data.tables import Tables
from serendip.evaluation.task import Task


def data():
    rows = [(f"u{u}", f"i{(u + n) % 7}", n) for u in range(10) for n in range(4)]
    return Dataset.of(Tables(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")))


def test_a_split_asks_for_what_it_withheld():
    whole = data()
    task = Task.of_split(last_out(whole))
    assert len(task) == 10
    assert task.n_relevant.tolist() == [1] * 10
    assert task.exclude is not None
    assert np.diff(task.exclude.offset).tolist() == [3] * 10
    assert task.relevant.item.tolist() == [whole.items.get(f"i{(u + 3) % 7}") for u in range(10)]


def test_held_out_users_bring_their_own_history():
    split = held_out_users(data(), share=0.3, seen=0.5)
    task = Task.of_split(split)
    assert len(task) == 3
    assert not np.isin(task.queries.user, split.train.user).any()
    assert np.diff(task.queries.history.offset).tolist() == [2, 2, 2]


def test_features_of_strangers_come_with_the_question():
    people = pl.DataFrame({"user_id": ["a", "new"], "age": ["30", "40"]})
    train = Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["p"]}), users=people)
    test = pl.DataFrame({"user_id": ["new", "a", "nobody"], "item_id": ["p", "q", "p"]})
    for history in (None, pl.DataFrame({"user_id": ["new"], "item_id": ["p"]})):
        task = Task.of_tables(train, test, InteractionRules(), history=history)
        assert task.queries.user_features is not None
        assert sorted(map(str, task.queries.user_features["age"])) == ["30", "40", "None"]


def test_items_of_the_test_part_stay_unknown_to_the_model():
    train = Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["p"]}))
    task = Task.of_tables(train, pl.DataFrame({"user_id": ["a"], "item_id": ["q"]}), InteractionRules())
    assert task.train.n_items == 1
    assert task.rows.item.tolist() == [-1]
    assert task.n_relevant.tolist() == [1]
