"""Separated text: CSV, TSV, and files with `|`, `;` or `::` between the cells.

Blocks are cut into lines and checked on NumPy arrays of byte positions; the rows that are in order (nearly all) go to
polars in one piece, the odd ones (a quote over several lines, wrong encoding, too few cells) are read one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from serendip.arrays import Bool
from serendip.data.readers.block import Block, Reject
from serendip.data.readers.plan import Plan
from serendip.data.readers.source import Lines, Text
from serendip.plural import counted

NUMERIC = frozenset(b"0123456789+-.")
MOST_LINES = 2000  # of one row with line breaks in quotes
FIRST = 50  # rows by which ids are told to be numbers
OWN, OWN_OF_TWO = 3, 8  # lines of as many cells as the file has columns (or just two) in which no quoted text runs on
STANDS_FOR_TWO = b"\x1f"  # the one byte that takes the place of ::


def split(row: bytes, separator: bytes, quoting: bool) -> tuple[list[bytes], bool]:
    """Split a row into cells; True where a quoted cell is still open at its end.

    A quote opens a cell only at its start and closes it only before a separator or the end; others are plain text.
    """
    if not quoting or b'"' not in row:
        return row.split(separator), False
    cells: list[bytes] = []
    start, size = 0, len(row)
    while True:
        first = start
        while row[first : first + 1] == b" ":
            first += 1
        if row[first : first + 1] != b'"':
            end = row.find(separator, start)
            cells.append(row[start : end if end >= 0 else size])
            if end < 0:
                return cells, False
            start = end + len(separator)
            continue
        close = first + 1
        while True:
            close = row.find(b'"', close)
            if close < 0:
                return cells, True
            after = close + 1
            if row[after : after + 1] == b'"':
                close += 2
                continue
            while row[after : after + 1] == b" ":
                after += 1
            if after == size or row.startswith(separator, after):
                break
            close += 1
        cells.append(row[first + 1 : close].replace(b'""', b'"'))
        if after == size:
            return cells, False
        start = after + len(separator)


@dataclass
class Delimited:
    """Reads one file by its plan; iterate for blocks."""

    text: Text
    plan: Plan

    def __post_init__(self) -> None:
        """Settle what the loops below ask for on every row."""
        self.names = [c.name for c in self.plan.columns]
        self.separator = self.plan.separator.encode()
        self.quoting = self.plan.quoting
        self.number_at = [
            i for i, c in enumerate(self.plan.columns) if c.role in ("value", "quantity", "price") or c.kind == "epoch"
        ]
        self.ids_at = [i for i, c in enumerate(self.plan.columns) if c.role in ("user", "item")]
        # a byte that is no UTF-8 may be read as Windows-1252 only where a letter cannot change who or what is meant
        self.words_at = {i for i, c in enumerate(self.plan.columns) if c.role in WORDS}
        self.header_due = self.plan.header

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks of the file."""
        reading = self.plan.reading
        lines = Lines(self.text, reading.block_bytes, reading.longest_line)
        for body, first, last in lines:
            block, rest = _Body(self, body, first, last).read()
            lines.unread(rest)
            block.rejects += [Reject(n, self.too_long, start) for n, start in lines.too_long]
            lines.too_long.clear()
            yield self._placed(block)
        if self.text.torn:
            reason = f"the file is damaged from here on ({self.text.torn}); the rows before it are read"
            torn = Block(_frame(self.names, []), pl.Series([], dtype=pl.Int64))
            torn.rejects.append(Reject(lines.line, reason, lines.last_line))
            yield self._placed(torn)

    @property
    def too_long(self) -> str:
        """The reason that goes with a line beyond the limit."""
        return f"line longer than {self.plan.reading.longest_line / (1 << 20):g} MB"

    def _placed(self, block: Block) -> Block:
        block.done, block.total = self.text.done, self.text.total
        return block


WORDS = frozenset({"item attribute", "user attribute", "context", "ignored"})


@dataclass
class _Body:
    """The lines of one block, each ended by a newline."""

    of: Delimited
    body: bytes
    first: int  # number of the first line
    last: bool
    rejects: list[Reject] = field(default_factory=list)
    skipped: int = 0
    recoded: int = 0

    def read(self) -> tuple[Block, bytes]:
        """Return the rows and what must wait for more text: a row whose quotes are still open."""
        of, names = self.of, self.of.names
        if not self.body:
            return Block(_frame(names, []), pl.Series([], dtype=pl.Int64)), b""
        one = of.separator
        if len(one) > 1:
            one, self.body = STANDS_FOR_TWO, self.body.replace(one, STANDS_FOR_TWO)
        self.separator = one
        self.data = np.frombuffer(self.body, np.uint8)
        self.ends = np.flatnonzero(self.data == 10)  # (n_lines,)
        self.starts = np.concatenate([[0], self.ends[:-1] + 1])
        plain = self._plain()
        self._numbers(plain)
        odd_lines = np.flatnonzero(~plain)
        if of.header_due and (plain.any() or odd_lines.size):
            plain[:], odd_lines = self._header(plain)
        odd, keep = self._odd(odd_lines, plain)
        stop = keep if keep is not None else len(self.ends)
        plain[stop:] = False
        at = np.flatnonzero(plain)
        cells = self._in_order(plain, at)
        row = at
        if odd:
            cells = pl.concat([cells, _frame(names, [r for _, r in odd])])
            row = np.concatenate([at, np.array([i for i, _ in odd], np.int64)])
            order = np.argsort(row, kind="stable")
            cells, row = cells[order], row[order]
        rest = self.body[self.starts[stop] :] if stop < len(self.ends) else b""
        if one != of.separator:
            rest = rest.replace(one, of.separator)
        line = pl.Series(row + self.first, dtype=pl.Int64)
        return Block(cells, line, self.rejects, self.skipped, self.recoded), rest

    def _plain(self) -> Bool:
        """Tell the lines that can be handed on as they are: the right number of cells, quotes in order, UTF-8."""
        data, starts, ends = self.data, self.starts, self.ends
        at = np.flatnonzero(data == self.separator[0])
        good = np.ones(len(ends), bool)
        if self.of.quoting and b'"' in self.body:
            quote = np.flatnonzero(data == 34)
            line = np.searchsorted(ends, quote)
            before = np.searchsorted(quote, starts)  # quotes before each line
            opens = (np.arange(len(quote)) - before[line]) % 2 == 0
            near = np.where(opens, quote - 1, quote + 1)
            beside = data[np.maximum(near, 0)]
            fits = (beside == self.separator[0]) | (beside == 34) | (beside == 10) | (near < 0)
            good[line[~fits]] = False
            good[np.diff(np.append(before, len(quote))) % 2 == 1] = False
            inside = (np.searchsorted(quote, at) - before[np.searchsorted(ends, at)]) % 2 == 1
            at = at[~inside]
        count = np.diff(np.searchsorted(at, ends), prepend=0) + 1
        good &= count == len(self.of.names)
        good &= ends > starts
        if not self.body.isascii():
            good[self._not_utf8()] = False
        if b"\0" in self.body:
            good[np.searchsorted(ends, np.flatnonzero(data == 0))] = False
        good &= ends - starts <= self.of.plan.reading.longest_line
        return good

    def _numbers(self, plain: Bool) -> None:
        """Count ids among the numbers by which a row is told, where those of the first rows are."""
        of = self.of
        first = np.flatnonzero(plain)[int(of.header_due) : FIRST]
        rows = [split(self._line(int(i)), self.separator, of.quoting)[0] for i in first] if of.ids_at else []
        if rows:
            of.number_at += [k for k in of.ids_at if all(row[k].strip().isdigit() for row in rows)]
            of.ids_at = []

    def _not_utf8(self) -> NDArray[np.intp]:
        try:
            self.body.decode()
        except UnicodeDecodeError:
            line = np.unique(np.searchsorted(self.ends, np.flatnonzero(self.data >= 128)))
            return line[[not _utf8(self._line(i)) for i in line]]
        return np.zeros(0, np.intp)

    def _line(self, i: int) -> bytes:
        return self.body[self.starts[i] : self.ends[i]]

    def _header(self, plain: Bool) -> tuple[Bool, NDArray[np.intp]]:
        """Leave out the first line that is not blank, with the lines that its quotes run over."""
        for i in range(len(self.ends)):
            plain[i] = False
            if self._line(i).strip():
                size = self._joined(i) if self.of.quoting else 1
                if size is None:  # opened at the end of the block: a header of one long line is not worth more code
                    size = 1
                plain[i : i + size] = False
                self.of.header_due = False
                self.skipped += i + 1
                odd = np.flatnonzero(~plain)
                return plain, odd[odd >= i + size]
        self.skipped += len(self.ends)
        return plain, np.zeros(0, np.intp)

    def _odd(self, lines: NDArray[np.intp], plain: Bool) -> tuple[list[tuple[int, list[str]]], int | None]:
        """Read the other lines one by one; answer with the line to stop at where a row needs text to come."""
        rows: list[tuple[int, list[str]]] = []
        past = 0
        for i in lines.tolist():
            if i < past:
                continue
            row = self._line(i)
            if not row.strip(b" "):
                self.skipped += 1
                continue
            if len(row) > self.of.plan.reading.longest_line:
                self._reject(i, self.of.too_long, row)
                continue
            cells, is_open = split(row, self.separator, self.of.quoting)
            if is_open:
                size = self._joined(i)
                if size is None:
                    return rows, i
                if size > 1:
                    past = i + size
                    plain[i:past] = False
                    row = self.body[self.starts[i] : self.ends[past - 1]]
                    cells, _ = split(row, self.separator, True)
                else:
                    cells = row.split(self.separator)
            if (read := self._cells(i, row, cells, is_open)) is not None:
                rows.append((i, read))
        return rows, None

    def _joined(self, i: int) -> int | None:
        """Return how many lines the row that begins on line i takes: 1 where its open quote is a stray one.

        It is stray where no line closes it with the right number of cells, or where a line on the way is a row of its
        own, or several might be. None: the block ends before this is known.
        """
        n = len(self.of.names)
        size, own, longest = 0, 0, self.of.plan.reading.longest_line
        row = self._line(i)
        if not split(row, self.separator, True)[1]:
            return 1
        for j in range(i + 1, min(len(self.ends), i + MOST_LINES)):
            line = self._line(j)
            size += len(line)
            cells, is_open = split(line, self.separator, True)
            own = own + 1 if len(cells) == n and not is_open else 0
            if size > longest or self._is_row(cells, is_open) or own >= (OWN if n > 2 else OWN_OF_TWO):
                return 1
            if b'"' in line:
                row = self.body[self.starts[i] : self.ends[j]]
                cells, is_open = split(row, self.separator, True)
                if not is_open:
                    return j + 1 - i if len(cells) in (n, n + 1) else 1
        return 1 if self.last or len(self.ends) >= i + MOST_LINES else None

    def _is_row(self, cells: list[bytes], is_open: bool) -> bool:
        if is_open or len(cells) != len(self.of.names) or not self.of.number_at:
            return False
        return all(cells[k].strip()[:1] and cells[k].strip()[0] in NUMERIC for k in self.of.number_at)

    def _cells(self, i: int, row: bytes, cells: list[bytes], is_open: bool) -> list[str] | None:
        """Decode the cells of a row, or put it into the quarantine and answer None."""
        n = len(self.of.names)
        if len(cells) == n + 1 and not cells[-1].strip():
            cells = cells[:-1]
        if len(cells) != n:
            torn = f"{counted(len(cells), 'cell')} where {n} were expected"
            self._reject(i, "a quote that is never closed" if is_open else torn, row)
            return None
        if b"\0" in row:
            self._reject(i, "binary zero bytes in the row", row)
            return None
        read, recoded = [], False
        for k, cell in enumerate(cells):
            try:
                read.append(cell.decode())
            except UnicodeDecodeError:
                name = self.of.names[k]
                told = self.of.plan.encoding
                if told is not None or k not in self.of.words_at:
                    code = told or "UTF-8"
                    hint = "" if told else "; name the right one, as --encoding windows-1252"
                    self._reject(i, f"wrong encoding: column {name} is not {code}{hint}", row)
                    return None
                try:
                    read.append(cell.decode("cp1252"))
                except UnicodeDecodeError:
                    neither = f"wrong encoding: column {name} is neither UTF-8 nor Windows-1252; use --encoding"
                    self._reject(i, neither, row)
                    return None
                recoded = True
        self.recoded += recoded
        return read

    def _reject(self, i: int, reason: str, row: bytes) -> None:
        text = row.replace(self.separator, self.of.separator) if self.separator != self.of.separator else row
        self.rejects.append(Reject(self.first + i, reason, text[:400].decode("utf-8", "replace")))

    def _in_order(self, plain: Bool, at: NDArray[np.intp]) -> pl.DataFrame:
        if not at.size:
            return _frame(self.of.names, [])
        body = self.body
        if at.size < len(plain):
            keep = np.repeat(plain, self.ends - self.starts + 1)
            body = self.data[keep].tobytes()
        cells = pl.read_csv(
            body,
            has_header=False,
            separator=self.separator.decode(),
            quote_char='"' if self.of.quoting and b'"' in body else None,
            schema=dict.fromkeys(self.of.names, pl.String),
            empty_string_is_null=False,
            infer_schema=False,
        )
        if cells.height != at.size:
            raise AssertionError(f"{cells.height} rows read of {at.size} in {self.of.text.path} from line {self.first}")
        return cells


def _utf8(row: bytes) -> bool:
    try:
        row.decode()
    except UnicodeDecodeError:
        return False
    return True


def _frame(names: list[str], rows: list[list[str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
