"""JSON Lines: one object a line. Numbers keep the text they were written with, so that 4.0 stays 4.0."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from serendip.data.readers.block import Block, Reject
from serendip.data.readers.plan import Plan
from serendip.data.readers.source import Lines, Text

_decode = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str).decode


class Number(str):
    """A number as it was written; JSON text needs to know it from a string."""


_typed = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=str).decode


@dataclass
class JsonLines:
    """Reads one file by its plan; iterate for blocks. Fields that the plan does not know come as `extra`."""

    text: Text
    plan: Plan

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks of the file."""
        reading = self.plan.reading
        lines = Lines(self.text, reading.block_bytes, reading.longest_line)
        for body, first, _ in lines:
            block = self._block(body, first)
            block.rejects += [Reject(n, self.too_long, start) for n, start in lines.too_long]
            lines.too_long.clear()
            yield block
        if self.text.torn:
            reason = f"the file is damaged from here on ({self.text.torn}); the rows before it are read"
            block = self._block(b"", lines.line)
            block.rejects.append(Reject(lines.line, reason, lines.last_line))
            yield block

    @property
    def too_long(self) -> str:
        """The reason that goes with a line beyond the limit."""
        return f"line longer than {self.plan.reading.longest_line / (1 << 20):g} MB"

    def _block(self, body: bytes, first: int) -> Block:
        names = [c.name for c in self.plan.columns]
        known = frozenset(names)
        rows: list[dict[str, Any]] = []
        at: list[int] = []
        rejects: list[Reject] = []
        extra: dict[int, str] = {}
        skipped = 0
        for number, line in enumerate(body.splitlines() if b"\n" not in body else body[:-1].split(b"\n"), first):
            if not line.strip():
                skipped += 1
                continue
            if len(line) > self.plan.reading.longest_line:
                rejects.append(Reject(number, self.too_long, line[:400].decode("utf-8", "replace")))
                continue
            try:
                row = parse(line)
            except ValueError as error:
                rejects.append(Reject(number, str(error), line[:400].decode("utf-8", "replace")))
                continue
            if not row.keys() <= known:
                extra[len(rows)] = json.dumps(
                    {k: v for k, v in row.items() if k not in known and v is not None}, ensure_ascii=False
                )
            rows.append(row)
            at.append(number)
        cells = pl.DataFrame({n: [r.get(n) for r in rows] for n in names}, schema=dict.fromkeys(names, pl.String))
        more = pl.Series([extra.get(i) for i in range(len(rows))], dtype=pl.String) if extra else None
        return Block(
            cells, pl.Series(at, dtype=pl.Int64), rejects, skipped, 0, self.text.done, self.text.total, extra=more
        )


def parse(line: bytes) -> dict[str, str | None]:
    """Return the cells of one line as text. Raises ValueError with the reason for what is no object."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError(
            "wrong encoding: the line is not UTF-8; name the right one, as --encoding windows-1252"
        ) from None
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"a torn row: not JSON ({error.msg} at character {error.pos + 1})") from None
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    for key, cell in value.items():
        if cell is None or type(cell) is str:
            if cell is not None and not cell.isascii():
                value[key] = cell.encode("utf-8", "replace").decode()  # a lone surrogate is no text
        elif cell is True or cell is False:
            value[key] = "true" if cell else "false"
        elif isinstance(cell, list) and all(isinstance(c, str) for c in cell):
            value[key] = "|".join(cell)
        else:
            value[key] = _nested(_typed(text)[key])
    return value


def _nested(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_nested(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_nested, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
