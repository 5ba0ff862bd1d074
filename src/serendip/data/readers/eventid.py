"""Event ids for rows that bring none: a 128-bit hash of the row's cells and of its number among identical rows.

Memory: 12 bytes a distinct row of the file, 240 MB for 20 million.
"""

import hashlib
import io

import numpy as np
import polars as pl
from numpy.typing import NDArray

from serendip.arrays import I64, U64

LONG = 256  # bytes; a longer row is hashed by BLAKE2b
SEPARATOR = "\x1f"
PARTS = 16
_A, _B, _C = map(np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))  # of SplitMix64


def _mix(x: U64) -> U64:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014), in place."""
    x ^= x >> np.uint64(30)
    x *= _B
    x ^= x >> np.uint64(27)
    x *= _C
    x ^= x >> np.uint64(31)
    return x


def hashes(cells: pl.DataFrame) -> U64:
    """Return two 64-bit hashes of each row, (rows, 2). Null and empty cells are the same; so are all text layouts."""
    n = cells.height
    if not n:
        return np.zeros((0, 2), np.uint64)
    out = io.BytesIO()
    cells.write_csv(out, include_header=False, separator=SEPARATOR, quote_style="never", null_value="")
    sizes = cells.select(pl.sum_horizontal(pl.all().str.len_bytes().fill_null(0)).cast(pl.Int64)).to_series()
    size = sizes.to_numpy() + (cells.width - 1)  # (n,) bytes of a row without its newline
    start = np.concatenate([[0], np.cumsum(size[:-1] + 1)])
    text = out.getvalue()
    if len(text) != int(size.sum()) + n:
        raise AssertionError("the rows are not as long as their cells")
    return _hash(text, start, size)


def _hash(text: bytes, start: I64, size: I64) -> U64:
    buffer = np.frombuffer(text + bytes(8), np.uint8)
    word = np.lib.stride_tricks.as_strided(buffer[:8].view("<u8"), (len(text) + 1,), (1,), writeable=False)
    h = np.empty((len(start), 2), np.uint64)
    h[:, 0] = size.astype(np.uint64) * _A
    h[:, 1] = ~h[:, 0]
    short = np.flatnonzero(size <= LONG)
    key = np.array([0, 1], np.uint64)  # a lane's key for each word of eight bytes
    for at in range(0, LONG, 8):
        row = short if at == 0 else short[size[short] > at]
        short = row
        if not row.size:
            break
        w = word[start[row] + at].astype(np.uint64)
        left = size[row] - at
        part = left < 8
        w[part] &= (np.uint64(1) << (np.uint64(8) * left[part].astype(np.uint64))) - np.uint64(1)
        key += _A
        for lane in (0, 1):
            h[row, lane] = _mix((h[row, lane] ^ _mix(w + key[lane : lane + 1] * _C)) + key[lane])
    for i in np.flatnonzero(size > LONG).tolist():
        digest = hashlib.blake2b(text[start[i] : start[i] + size[i]], digest_size=16).digest()
        h[i] = np.frombuffer(digest, "<u8")
    return h


class _Runs:
    """Sorted runs of keys with their counts: each key in one run, the sizes falling, so that there are few of them."""

    def __init__(self) -> None:
        self.runs: list[tuple[U64, NDArray[np.uint32]]] = []

    def add(self, unique: U64, count: I64) -> I64:
        """Return how often each of these sorted keys came before, and count them."""
        before = np.zeros(len(unique), np.int64)
        for run, times in self.runs:
            at = np.searchsorted(run, unique)
            at[at == len(run)] = 0
            hit = np.flatnonzero(run[at] == unique)
            before[hit] = times[at[hit]]
            times[at[hit]] += count[hit].astype(np.uint32)
        new = before == 0
        if new.any():
            self.runs.append((unique[new], count[new].astype(np.uint32)))
        while len(self.runs) > 1 and len(self.runs[-2][0]) < 4 * len(self.runs[-1][0]):
            (few, few_times), (many, many_times) = self.runs.pop(), self.runs.pop()
            at = np.searchsorted(many, few)
            self.runs.append((np.insert(many, at, few), np.insert(many_times, at, few_times)))
        return before


class Occurrences:
    """Counts how often each row came before, by a 64-bit key; in parts, so that merging takes little room."""

    def __init__(self) -> None:
        """Begin a file."""
        self._parts = [_Runs() for _ in range(PARTS)]

    def number(self, key: U64) -> U64:
        """Return the number of earlier rows with the same key, (rows,), and remember these rows."""
        ranked = np.sort(key)
        first = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])) if len(key) else np.zeros(0, int)
        unique = ranked[first]
        count = np.diff(np.append(first, len(key)))
        edge = np.arange(1, PARTS, dtype=np.uint64) * np.uint64(2**64 // PARTS)
        cut = [0, *np.searchsorted(unique, edge).tolist(), len(unique)]
        before = np.zeros(len(unique), np.int64)
        for part, start, stop in zip(self._parts, cut[:-1], cut[1:], strict=True):
            if stop > start:
                before[start:stop] = part.add(unique[start:stop], count[start:stop])
        number = np.zeros(len(key), np.uint64)
        if before.any() or count.max(initial=1) > 1:
            order = np.argsort(key, kind="stable")
            within = np.arange(len(key)) - np.repeat(first, count)
            number[order] = (within + np.repeat(before, count)).astype(np.uint64)
        return number


def event_ids(cells: pl.DataFrame, seen: Occurrences) -> pl.Series:
    """Return the ids of a block's rows, 32 hexadecimal digits each. `seen` carries the count over the file."""
    h = hashes(cells)
    number = seen.number(h[:, 0].copy())
    again = number > 0
    if again.any():
        h[again, 0] = _mix(h[again, 0] + number[again] * _A)
        h[again, 1] = _mix(h[again, 1] ^ (number[again] * _C))
    raw = pl.Series("event_id", h.astype("<u8").view(np.uint8).reshape(-1, 16), dtype=pl.Array(pl.UInt8, 16))
    return raw.cast(pl.List(pl.UInt8)).cast(pl.Binary).bin.encode("hex")
