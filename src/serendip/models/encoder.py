"""How the attributes of items become vectors whose inner product says how alike two items are."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I64
from serendip.data.ids import Ids
from serendip.models.cost import Cost
from serendip.models.embedding import embedded, size_of

WORD = r"[\p{L}\p{M}\p{N}]+(?:['\x{2019}]\p{L}+)?"  # letters and digits of any script; "children's" is one word
ADDRESS = r"^(?:https?://|www\.)"
CATEGORIES = 100  # a text column with no more different values, each there twice on average, is a category
LETTERS = 6  # of a word, with what stands between two
COUNTED, HELD = 160, 40  # bytes that a term takes while its column is counted, and in the vectors while they are made
KNOTS = 9  # a number lies between two of at most so many quantiles

Entries = tuple[I64, I64, F32]  # row, feature, value


@dataclass(frozen=True)
class Encoder:
    """A vector an item from its attributes: words by TF-IDF, categories by IDF, numbers by nearness.

    Every column of an item is scaled to length sqrt(weight) and the whole vector to length 1: an inner product lies
    from 0 to 1, with vectors from -1. A missing attribute is absent, and what is there counts for more.
    columns, kinds (text, category, number or vector), weight (n_columns,); terms: each known word and category as
    "column=term"; idf (n_terms,); knots (n_columns, KNOTS): quantiles of the numbers, NaN rows for the rest; sizes
    (n_columns,): of the vectors, 0 for the rest; a vector of another size is missing. embedder: what makes one vector
    more, of size `embedded` and weight `embedding`, out of all columns of text together; empty for none.
    """

    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    weight: F32
    terms: Ids
    idf: F32
    knots: F32
    sizes: tuple[int, ...] = ()
    embedder: str = ""
    texts: tuple[str, ...] = ()
    embedded: int = 0
    embedding: float = 0.0

    @property
    def n_features(self) -> int:
        return len(self.terms) + self.knots.size + sum(self.sizes) + self.embedded

    @staticmethod
    def of(
        features: pl.DataFrame, columns: tuple[str, ...], weights: dict[str, float], embedder: str = ""
    ) -> "Encoder":
        """Return the encoder of some columns; `weights` says what a column of each kind counts, nothing if not named.

        embedder: a sentence-transformers model (embedding.py) that reads the columns of text beside.
        """
        kinds = {c: kind for c in columns if weights.get(kind := kind_of(features[c]), 0.0) > 0}
        texts = tuple(c for c in columns if kind_of(features[c]) == "text") if embedder else ()
        terms: list[pl.Series] = []
        idf: list[F32] = []
        knots = np.full((len(kinds), KNOTS), np.nan, np.float32)
        for c, (column, kind) in enumerate(kinds.items()):
            if kind == "number":
                given = numbers(features[column]).drop_nulls()
                n = min(KNOTS, given.n_unique() // 2 + 1)  # few different numbers: fewer, so that near ones stay near
                knots[c] = np.quantile(given.to_numpy(), np.linspace(0, 1, n))[np.minimum(np.arange(KNOTS), n - 1)]
                continue
            if kind == "vector":
                continue
            found = counted(features[column], kind)
            df = found.group_by("term", maintain_order=True).len().sort("term")
            n = found["row"].n_unique()
            terms.append(column + "=" + df["term"])
            idf.append(np.log1p(n / df["len"].to_numpy()).astype(np.float32))
        return Encoder(
            tuple(kinds),
            tuple(kinds.values()),
            np.array([weights[kind] for kind in kinds.values()], np.float32),
            Ids(pl.concat(terms) if terms else []),
            np.concatenate(idf) if idf else np.empty(0, np.float32),
            knots,
            tuple(width(features[c]) if kind == "vector" else 0 for c, kind in kinds.items()),
            embedder if texts else "",
            texts,
            size_of(embedder) if texts else 0,
            weights.get("vector", 0.0),
        )

    def encode(self, features: pl.DataFrame) -> CSR:
        """Return the vectors of items, one a row of `features`; what is missing or new to the encoder is absent."""
        n = len(features)
        parts = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        for c, (column, kind) in enumerate(zip(self.columns, self.kinds, strict=True)):
            if column in features.columns:
                parts.append(scaled(self._entries(features[column], kind, c), float(self.weight[c]), n))
        if self.embedder:
            parts.append(scaled(self._read(features), self.embedding, n))
        row, feature, value = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        value /= np.sqrt(np.bincount(row, value.astype(np.float64) ** 2, n))[row]
        return csr_matrix((value.astype(np.float32), (row, feature)), shape=(n, self.n_features))

    def _entries(self, series: pl.Series, kind: str, column: int) -> Entries:
        if kind == "number":
            return self._near(series, column)
        if kind != "vector":
            return self._weighed(series, kind)
        first = len(self.terms) + self.knots.size + sum(self.sizes[:column])
        of_one_width = series.is_not_null().cast(pl.Int64) * self.sizes[column]
        wide = series.list.len() if isinstance(series.dtype, pl.List) else of_one_width
        row = np.flatnonzero((wide == self.sizes[column]).fill_null(False).to_numpy())
        return filled(row, np.array(series.gather(row).to_list(), np.float32).reshape(len(row), -1), first)

    def _read(self, features: pl.DataFrame) -> Entries:
        """Let the embedder read all texts of an item as one."""
        there = [column for column in self.texts if column in features.columns]
        text = features.select(pl.concat_str(there, separator=". ", ignore_nulls=True).alias("text"))["text"]
        row = np.flatnonzero((text.str.strip_chars() != "").fill_null(False).to_numpy())
        return filled(row, embedded(text.gather(row).to_list(), self.embedder), self.n_features - self.embedded)

    def _weighed(self, series: pl.Series, kind: str) -> Entries:
        found = counted(series, kind)
        feature = self.terms.index(series.name + "=" + found["term"])
        known = feature >= 0
        row, count = (found[name].to_numpy()[known].astype(np.int64) for name in ("row", "len"))
        value = np.asarray((1 + np.log(count)) * self.idf[feature[known]], np.float32)
        return row, feature[known].astype(np.int64), value

    def _near(self, series: pl.Series, column: int) -> Entries:
        """Share a number out between the two quantiles that it lies between, by nearness."""
        given = numbers(series)
        row = np.flatnonzero(given.is_not_null().to_numpy())
        knots = np.unique(self.knots[column])
        place = np.interp(given.drop_nulls().to_numpy(), knots, np.arange(len(knots)))
        low = place.astype(np.int64)
        share = (place - low).astype(np.float32)
        first = len(self.terms) + column * KNOTS + low
        some = share > 0
        return (
            np.concatenate([row, row[some]]),
            np.concatenate([first, first[some] + 1]),
            np.concatenate([1 - share, share[some]]),
        )


def encoding(features: pl.DataFrame | None, columns: tuple[str, ...], weights: dict[str, float]) -> Cost:
    """Return what making an encoder of some columns (all where none are named) and encoding all rows costs.

    Steps are words, categories and numbers.
    """
    known = () if features is None else columns or tuple(features.columns)
    terms = [n_terms(features[c]) for c in known if features is not None and weights.get(kind_of(features[c]), 0.0) > 0]
    return Cost(COUNTED * max(terms, default=0.0) + HELD * sum(terms), sum(terms))


def n_terms(series: pl.Series) -> float:
    """Return about how many words, categories or numbers a column has."""
    match series.dtype:
        case pl.Array():
            return float(series.dtype.size * series.count())
        case pl.List():
            return float(series.list.len().sum())
        case pl.String if kind_of(series) == "text":
            return float(series.str.len_bytes().sum()) / LETTERS
    return float(series.count())


def filled(row: I64, vectors: F32, first: int) -> Entries:
    """Return the entries of dense vectors whose features begin at `first`; a vector of zeros is none."""
    at, feature = np.nonzero(vectors)
    return row[at], first + feature.astype(np.int64), vectors[at, feature]


def scaled(entries: Entries, weight: float, n: int) -> Entries:
    """Return entries whose rows have length sqrt(weight)."""
    row, feature, value = entries
    length = np.sqrt(np.bincount(row, value.astype(np.float64) ** 2, n))[row]
    return row, feature, np.asarray(np.sqrt(weight) * value / length, np.float32)


def kind_of(series: pl.Series) -> str:
    """Return text, category, number or vector; none for what cannot say what is alike: constants, addresses."""
    given = series.drop_nulls()
    dtype = series.dtype
    if isinstance(dtype, pl.List | pl.Array) and dtype.inner.is_float():
        return "vector" if width(given) > 1 else "none"
    if isinstance(dtype, pl.List):
        return "category" if given.explode().n_unique() > 1 else "none"
    if given.n_unique() <= 1 and len(given) != 1:
        return "none"
    if dtype.is_numeric() or dtype.is_temporal():
        return "number"
    if dtype != pl.String:
        return "category"
    if len(given) == 0 or 2 * given.str.contains(ADDRESS).sum() > len(given):
        return "none"
    unique = given.n_unique()
    return "category" if unique <= CATEGORIES and 2 * unique <= len(given) else "text"


def width(vectors: pl.Series) -> int:
    """Return how many numbers more than half of the vectors have, 0 where there is no such number."""
    if isinstance(vectors.dtype, pl.Array):
        return int(vectors.dtype.size)
    sizes = np.bincount(vectors.drop_nulls().list.len().to_numpy(), minlength=1)
    return int(sizes.argmax()) if 2 * sizes.max() > sizes.sum() else 0


def counted(series: pl.Series, kind: str) -> pl.DataFrame:
    """Return how often each item (row) has each term: columns row, term, len."""
    if kind == "text":
        terms = series.cast(pl.String).str.to_lowercase().str.extract_all(WORD)
    elif isinstance(series.dtype, pl.List):
        terms = series.cast(pl.List(pl.String))
    else:
        terms = series.cast(pl.String).reshape((-1, 1)).arr.to_list()
    table = pl.DataFrame({"row": np.arange(len(series), dtype=np.int64), "term": terms})
    exploded = table.explode("term").with_columns(pl.col("term").str.strip_chars().str.to_lowercase())
    filled = exploded.filter(pl.col("term").is_not_null() & (pl.col("term") != ""))
    return filled.group_by("row", "term", maintain_order=True).len()


def numbers(series: pl.Series) -> pl.Series:
    """Return a column as numbers, null where there is none; a moment is its milliseconds."""
    if series.dtype.is_temporal():
        series = series.cast(pl.Datetime("ms")).cast(pl.Int64)
    floats = series.cast(pl.Float64, strict=False)
    return floats.set(~floats.is_finite().fill_null(True), None)
