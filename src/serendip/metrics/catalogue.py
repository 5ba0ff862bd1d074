"""Every metric as plain data: what it says, its formula, which way is better; the tables of the docs come from here."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Definition:
    """What a metric is; `direction` is 0 where neither more nor less is better in itself."""

    name: str
    kind: Literal["ranking", "rating", "discrimination", "beyond accuracy"]
    cutoff: bool  # whether it is taken at k, as in recall@20
    direction: Literal[1, 0, -1]
    unit: Literal["user", "row", "catalogue"]  # what it is a mean over; "catalogue": one number for all slates
    sentence: str
    formula: str


_ALL = (
    Definition(
        "precision", "ranking", True, 1, "user",
        "The share of the first k that is relevant.",
        "hits@k / k",
    ),
    Definition(
        "recall", "ranking", True, 1, "user",
        "The share of the relevant items that the first k hold.",
        "hits@k / |relevant|",
    ),
    Definition(
        "hr", "ranking", True, 1, "user",
        "Whether the first k hold a relevant item (hit rate).",
        "1 if hits@k > 0 else 0",
    ),
    Definition(
        "map", "ranking", True, 1, "user",
        "The precision at every hit, so that early hits count more (mean average precision).",
        "sum over p <= k of rel(p) * hits@p / p, over min(k, |relevant|)",
    ),
    Definition(
        "mrr", "ranking", True, 1, "user",
        "How early the first relevant item comes (mean reciprocal rank).",
        "1 / rank of the first hit, 0 if there is none among the first k",
    ),
    Definition(
        "ndcg", "ranking", True, 1, "user",
        "The hits, each discounted by its position, against the best possible order.",
        "sum over p <= k of rel(p) / log2(p + 1), over sum over p <= min(k, |relevant|) of 1 / log2(p + 1)",
    ),
    Definition(
        "mae", "rating", False, -1, "row",
        "How far a predicted value is off on average, in its own unit.",
        "mean |predicted - value|",
    ),
    Definition(
        "mse", "rating", False, -1, "row",
        "The mean squared error of predicted values.",
        "mean (predicted - value)^2",
    ),
    Definition(
        "rmse", "rating", False, -1, "row",
        "The root of the mean squared error: large errors weigh more than in mae.",
        "sqrt(mean (predicted - value)^2)",
    ),
    Definition(
        "auc", "discrimination", False, 1, "row",
        "The chance that a relevant item scores above an irrelevant one.",
        "(pairs won + pairs tied / 2) / (|relevant| * |irrelevant|)",
    ),
    Definition(
        "logloss", "discrimination", False, -1, "row",
        "How surprised the predicted probabilities are by the labels, in nats.",
        "mean of -log p if label else -log(1 - p)",
    ),
    Definition(
        "coverage", "beyond accuracy", True, 1, "catalogue",
        "The share of the catalogue that stands in any slate.",
        "|items shown| / n_items",
    ),
    Definition(
        "gini", "beyond accuracy", True, -1, "catalogue",
        "How unevenly exposure falls on the catalogue: 0 evenly, towards 1 on a single item.",
        "sum over i of (2 i - n_items - 1) * shown_i / (n_items * sum shown), shown in rising order",
    ),
    Definition(
        "entropy", "beyond accuracy", True, 1, "catalogue",
        "How widely exposure is spread, in bits.",
        "-sum over items of q * log2 q, q = shown / sum shown",
    ),
    Definition(
        "novelty", "beyond accuracy", True, 1, "user",
        "How unlikely the shown items are to be known already, in bits.",
        "mean over the first k of -log2(max(popularity, 1) / sum popularity)",
    ),
    Definition(
        "popularity_lift", "beyond accuracy", True, 0, "user",
        "How much more popular slates are than the users' own histories; 0 means alike.",
        "mean popularity in slates / mean popularity in histories - 1",
    ),
    Definition(
        "diversity", "beyond accuracy", True, 1, "user",
        "How unlike each other the items of a slate are.",
        "mean over pairs among the first k of 1 - cosine",
    ),
    Definition(
        "serendipity", "beyond accuracy", True, 1, "user",
        "Relevant items that the list of the most popular would not have shown.",
        "|first k, relevant, not among the first k of the popular list| / k",
    ),
)  # fmt: skip

CATALOGUE: dict[str, Definition] = {d.name: d for d in _ALL}


def table() -> str:
    """Return the catalogue as a Markdown table."""
    better = {1: "more", 0: "neither", -1: "less"}
    head = "| metric | what it says | formula | mean over | better |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| `{d.name}{'@k' if d.cutoff else ''}` | {d.sentence} | `{d.formula.replace('|', chr(92) + '|')}` "
        f"| {d.unit} | {better[d.direction]} |\n"
        for d in CATALOGUE.values()
    )
