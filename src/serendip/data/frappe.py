"""Frappe: which apps people used on their telephones, when and where; for each use, apps that were not.

L. Baltrunas, K. Church, A. Karatzoglou, N. Oliver, Frappe: Understanding the Usage and Perception of Mobile App
Recommendations In-The-Wild, 2015. arXiv:1505.03014; split and negatives as in X. He and T.-S. Chua, Neural
Factorization Machines, SIGIR 2017, and W. Cheng, Y. Shen and L. Huang, Adaptive Factorization Network, AAAI 2020.
"""

from pathlib import Path

import polars as pl

from serendip.data.presplit import Presplit
from serendip.data.stored import events, find, text
from serendip.data.tables import Tables
from serendip.errors import UserError

FIELDS = ("daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city")  # after user and item
FILES = ("train.libsvm", "valid.libsvm", "test.libsvm")
REBUILT = ("afn_train_rebuilt.libsvm", "afn_valid.libsvm", "afn_test.libsvm")  # negatives of train drawn anew, as told


def split(folder: Path, fold: str = "") -> Presplit:
    """Read the published split: what a model trains on, what its settings are chosen on, and the test part."""
    train, valid, test = (rows(folder, name) for name in (FILES if find(folder, FILES[0]) else REBUILT))
    return Presplit(Tables(train), Tables(test), validation=Tables(valid))


def read(folder: Path) -> Tables:
    """Read what was used, in all parts together, with its context."""
    found = split(folder)
    assert found.validation is not None
    every = pl.concat([part.events for part in (found.train, found.validation, found.test)])
    context = pl.struct(pl.col(f"context.{field}").alias(field) for field in FIELDS).struct.json_encode()
    used = every.filter(pl.col("label") > 0).with_columns(context.alias("context"))
    return Tables(events(used.select("user_id", "item_id"), "interaction").with_columns(used["context"]))


def rows(folder: Path, name: str) -> pl.DataFrame:
    """Return user_id, item_id, label and `context.<field>` of lines `label feature:1 feature:1 ...`, ten features each.

    An id is the number of its feature, which no other field has.

    Raises:
        UserError: a line has another number of features.
    """
    words = pl.Series("words", text(folder, name).strip().split("\n")).str.split(" ")
    if not (words.list.len() == len(FIELDS) + 3).all():
        raise UserError(f"{name} in {folder} has lines without a label and {len(FIELDS) + 2} features")
    columns = ["user_id", "item_id", *(f"context.{field}" for field in FIELDS)]
    given = {c: words.list.get(1 + n).str.strip_suffix(":1") for n, c in enumerate(columns)}
    return pl.DataFrame({**given, "label": words.list.first().cast(pl.Float64)})
