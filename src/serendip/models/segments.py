"""The fitted shape of what people of a kind take to: one row of scores for everyone, and one a segment."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from serendip.arrays import F32, F64, I32, I64
from serendip.data.ids import Ids
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, picked
from serendip.models.contract import Model
from serendip.models.encoder import kind_of, numbers

EVERYONE = "popular with everyone"


@dataclass(frozen=True)
class Segmenter:
    """Which segments a user is in: one for each column, less those that are missing or were never seen.

    columns; edges (n_columns, bands - 1): the greatest number of each band of a column but the last, NaN rows for
    categories; keys (n_segments,): "column=category" or "column=number of the band"; words (n_segments,): for reasons.
    """

    columns: tuple[str, ...]
    edges: F64
    keys: Ids
    words: tuple[str, ...]

    @staticmethod
    def of(features: pl.DataFrame, columns: tuple[str, ...], bands: int) -> "Segmenter":
        """Return the segments that users are in, by these columns of theirs."""
        kinds = {c: kind_of(features[c]) for c in columns if not isinstance(features[c].dtype, pl.List)}
        used = tuple(c for c, kind in kinds.items() if kind in ("category", "number"))
        edges = np.full((len(used), bands - 1), np.nan)
        for c, column in enumerate(used):
            if kinds[column] == "number":
                given = numbers(features[column]).drop_nulls().to_numpy()
                edges[c] = np.quantile(given, np.arange(1, bands) / bands, method="lower")
        bare = Segmenter(used, edges, Ids([]), ())
        keys: dict[str, str] = {}
        for c, column in enumerate(used):
            named = bare.named(features, c)
            for key in sorted(set(named.drop_nulls().to_list())):
                keys[key] = said(column, features[column].filter((named == key).fill_null(False)), kinds[column])
        return Segmenter(used, edges, Ids(keys), tuple(keys.values()))

    def named(self, features: pl.DataFrame, c: int) -> pl.Series:
        """Return the key of each user's segment by column c, null where it is not known."""
        series = features[self.columns[c]]
        if np.isnan(self.edges[c]).any():
            label = series.cast(pl.String).str.strip_chars()
        else:
            given = numbers(series)
            band = np.searchsorted(np.unique(self.edges[c]), given.fill_null(0.0).to_numpy())
            label = pl.Series(band).cast(pl.String).set(given.is_null(), None)
        return (self.columns[c] + "=" + label).alias("key")

    def segments(self, features: pl.DataFrame | None, n: int) -> I32:
        """Return the segment of each user by each column, -1 where it is not known.  # (n, n_columns)"""
        found = np.full((n, len(self.columns)), -1, np.int32)
        for c, column in enumerate(self.columns):
            if features is not None and column in features.columns:
                found[:, c] = self.keys.index(self.named(features, c).fill_null("").to_list())
        return found


def said(column: str, values: pl.Series, kind: str) -> str:
    """Return the words for the users of a segment, whose values these are."""
    if kind == "category":
        return f"popular with people whose {column} is {str(values[0]).strip()}"
    given = numbers(values)
    low, high = (f"{edge:g}" for edge in np.quantile(given.to_numpy(), [0, 1]))
    if column.lower() == "age":
        return f"popular with people aged {low}" + ("" if low == high else f" to {high}")
    return f"popular with people whose {column} is {low}" + ("" if low == high else f" to {high}")


@dataclass(frozen=True)
class Segments(Model):
    """score(u, i) = log p_i + sum over the segments s of u of lift_si; without any segment that is popularity.

    share (n_items,) float32: log p_i, NaN for an item that was never seen; lift (n_segments, n_items) float32.
    """

    reads_users: ClassVar[bool] = True

    segmenter: Segmenter
    share: F32
    lift: F32

    def _lifts(self, queries: Queries) -> tuple[I32, F32]:
        """Return the segments of each query, and the lifts with a row of zeros for none."""
        segment = self.segmenter.segments(queries.user_features, len(queries))  # (B, n_columns)
        return segment, np.vstack([self.lift, np.zeros((1, self.n_items), np.float32)])

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        segment, lift = self._lifts(queries)
        score = np.tile(self.share, (len(queries), 1))  # (B, n_items)
        for c in range(segment.shape[1]):
            score += lift[segment[:, c]]
        return picked(score, item)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return what each segment adds to an item; what they take away goes to everyone's part."""
        of = np.arange(len(item)) if of is None else of
        segment, lift = self._lifts(queries)
        part = lift[segment[of], item[:, None]] if segment.shape[1] else np.zeros((len(item), 0), np.float32)
        everyone = self.share[item] + np.minimum(part, 0).sum(axis=1)
        weight = np.column_stack([everyone, np.maximum(part, 0)]).astype(np.float32)  # (M, 1 + n_columns)
        reason = np.column_stack([np.zeros(len(item), np.int32), segment[of] + 1]).astype(np.int32)
        n = weight.shape[1]
        none = np.full(weight.size, -1, np.int32)
        words = (EVERYONE, *self.segmenter.words)
        return Contributions(np.arange(len(item) + 1) * n, none, weight.ravel(), reason.ravel(), words)
