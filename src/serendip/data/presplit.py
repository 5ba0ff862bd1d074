"""Sets whose authors published the split as well: what is trained on, what is asked for, and among which candidates."""

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from serendip.data.stored import events, lists, table, text
from serendip.data.tables import Tables, no_items


@dataclass(frozen=True)
class Presplit:
    """A published split; a user's rows without timestamps are in time order.

    `candidates` (user_id, item_id), where the protocol ranks a list of its own for each user. `history` (user_id,
    item_id, in time order), where test users bring something else than their training rows. `validation`, where the
    split has a part that settings are chosen on.
    """

    train: Tables
    test: Tables
    candidates: pl.DataFrame | None = None
    history: pl.DataFrame | None = None
    validation: Tables | None = None


def whole(split: Presplit) -> Tables:
    """Return train and test together, each user's test rows after the training rows."""
    items = split.train.items if len(split.train.items) else split.test.items
    return Tables(pl.concat([split.train.events, split.test.events]), items, split.train.users)


def gowalla(folder: Path, fold: str = "") -> Presplit:
    """Read the check-ins as LightGCN splits them; order and time are lost.

    X. He et al., LightGCN, SIGIR 2020. arXiv:2002.02126
    """
    train, test = (Tables(events(lists(folder, f"{part}.txt"), "interaction")) for part in ("train", "test"))
    return Presplit(train, test)


def ncf(folder: Path, fold: str = "") -> Presplit:
    """Read MovieLens 1M with each user's last rating withheld, to be ranked among itself and 99 fixed others.

    X. He et al., Neural Collaborative Filtering, WWW 2017. arXiv:1708.05031
    """
    columns = ["user_id", "item_id", "value", "timestamp"]
    train, test = (table(folder, f"ml-1m.{part}.rating", columns) for part in ("train", "test"))
    words = pl.Series("words", text(folder, "ml-1m.test.negative").strip().split("\n")).str.split("\t")
    pair = words.list.first().str.strip_chars("()").str.split(",")
    rows = pl.DataFrame({"user_id": pair.list.first(), "own": pair.list.slice(1), "others": words.list.slice(1)})
    candidates = rows.select("user_id", pl.concat_list("own", "others").alias("item_id")).explode("item_id")
    train = train.sort("user_id", pl.col("timestamp").cast(pl.Int64), maintain_order=True)
    return Presplit(Tables(events(train, "rating")), Tables(events(test, "rating")), candidates)


def sasrec(folder: Path, fold: str = "") -> Presplit:
    """Read MovieLens 1M as SASRec's sequences: the last item of each user is the test, all before it training.

    W.-C. Kang and J. McAuley, Self-Attentive Sequential Recommendation, ICDM 2018. arXiv:1808.09781
    The authors validate on the item before the last: carve it out of the training part.
    """
    return _last_out(table(folder, "ml-1m.txt", ["user_id", "item_id"], " "), no_items())


def s3rec(folder: Path, fold: str = "") -> Presplit:
    """Read Amazon Beauty as S3-Rec's sequences, with the items' attributes; the last item of each user is the test.

    K. Zhou et al., S3-Rec, CIKM 2020. arXiv:2008.07873
    """
    known: dict[str, list[int]] = json.loads(text(folder, "Beauty_item2attributes.json"))
    items = pl.DataFrame({"item_id": list(known), "attributes": [[str(a) for a in given] for given in known.values()]})
    return _last_out(lists(folder, "Beauty.txt"), items)


def diginetica(folder: Path, fold: str = "") -> Presplit:
    """Read shop sessions: every session is a user of its own, a test case is a prefix (its history) and the next item.

    CIKM Cup 2016, prepared as by S. Wu et al., SR-GNN, AAAI 2019. arXiv:1811.00855
    """
    train = _as_users("s", pl.Series(text(folder, "train_sessions.txt").strip().split("\n")))
    cases = table(folder, "test_prefix_label.txt", ["prefix", "item_id"])
    test, history = _as_users("t", cases["item_id"]), _as_users("t", cases["prefix"])
    return Presplit(Tables(events(train, "click")), Tables(events(test, "click")), history=history)


def sessions(folder: Path) -> Tables:
    """Read the shop sessions whole; a test session stands in its file once for each prefix, the longest first."""
    train = pl.Series(text(folder, "train_sessions.txt").strip().split("\n"))
    cases = table(folder, "test_prefix_label.txt", ["prefix", "item_id"])
    session = cases.select(pl.format("{} {}", "prefix", "item_id")).to_series()
    test = session.filter((session != cases["prefix"].shift(1)).fill_null(True))
    rows = pl.concat([_as_users("s", train), _as_users("t", test)])
    return Tables(events(rows, "click"))


def _as_users(prefix: str, lines: pl.Series) -> pl.DataFrame:
    """Return user_id, item_id of lines of items, each line a user of its own."""
    numbered = pl.DataFrame({"item_id": lines.str.split(" ")})
    return numbered.select(pl.format(prefix + "{}", pl.int_range(pl.len())).alias("user_id"), "item_id").explode(
        "item_id"
    )


def _last_out(rows: pl.DataFrame, items: pl.DataFrame) -> Presplit:
    last = (rows["user_id"] != rows["user_id"].shift(-1)).fill_null(True)
    train, test = (Tables(events(rows.filter(part), "interaction"), items) for part in (~last, last))
    return Presplit(train, test)
