"""How a text file is laid out: JSON Lines or separated cells, by what, with a header or without."""

from collections import Counter
from dataclasses import dataclass

from serendip.data.readers.delimited import split
from serendip.data.readers.words import KNOWN, plain
from serendip.errors import UserError

SEPARATORS = ("::", "\t", ";", ",", "|", " ")  # ; before , which stands in numbers too: 1;2;3,5
SPOKEN = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}


@dataclass(frozen=True)
class Dialect:
    """What `Delimited` needs to know of a file, and the names of its columns."""

    separator: str
    header: bool
    quoting: bool
    names: tuple[str, ...]
    note: str = ""


def is_json(head: bytes, source: str) -> bool:
    """Tell JSON Lines by the first object. Raises UserError for one JSON array or document."""
    first = head.lstrip()[:1]
    if first == b"[" and head.lstrip()[1:].lstrip()[:1] in (b"{", b"["):
        raise UserError(f"{source} is one JSON array: write one object a line (jq -c '.[]' FILE)")
    if first != b"{":
        return False
    line = head.lstrip().split(b"\n", 1)[0].strip()
    if line == b"{":
        raise UserError(f"{source} is JSON over several lines: write one object a line (jq -c . FILE)")
    return line[1:].lstrip()[:1] in (b'"', b"}")


def dialect(head: bytes, separator: str | None, header: bool | None) -> Dialect:
    """Find separator, header and names in the first lines (UTF-8 bytes, whole lines)."""
    lines = [line for line in head.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:400] if line.strip()]
    lines = lines[:200]
    sep = SPOKEN.get(separator, separator) if separator is not None else _separator(lines)
    quoting = len(sep) == 1
    if not sep or (len(sep.encode()) > 1 and sep != "::"):
        raise UserError(f"{separator!r} cannot separate cells: give one character, or ::")
    rows = [[c.decode("utf-8", "replace").strip() for c in split(line, sep.encode(), quoting)[0]] for line in lines]
    first, rest = rows[0], rows[1:]
    width = Counter(len(r) for r in (rest or rows)).most_common(1)[0][0]
    named, note = (header, "") if header is not None else _is_header(first, [r for r in rest if len(r) == width])
    if not named:
        width = Counter(len(r) for r in rows).most_common(1)[0][0]
        return Dialect(sep, False, quoting, tuple(f"column_{i + 1}" for i in range(width)), note)
    names = list(first)
    if width == len(names) + 1:
        if any(r[-1] for r in rest if len(r) == width):
            some = ", ".join(n[:40] for n in names[:6])
            raise UserError(f"the header names {len(names)} columns ({some}) but the rows have {width} cells")
        names.append("")
    elif width == len(names) - 1 and not names[-1]:
        names.pop()
    return Dialect(sep, True, quoting, tuple(unique(names)), note)


def unique(names: list[str]) -> list[str]:
    """Give nameless columns their number and repeated names a suffix."""
    seen: set[str] = set()
    answer = []
    for i, name in enumerate(names):
        name = name or f"column_{i + 1}"
        n, base = 2, name
        while name in seen:
            name, n = f"{base}_{n}", n + 1
        seen.add(name)
        answer.append(name)
    return answer


def _separator(lines: list[bytes]) -> str:
    """Return what splits most lines into as many cells; what splits the first line, too, goes before what does not."""
    best, found = (False, 0.0), ""
    for sep in SEPARATORS:
        counts = [len(split(line, sep.encode(), len(sep) == 1)[0]) for line in lines]
        usual = counts[0] if counts[0] > 1 else Counter(counts).most_common(1)[0][0]
        if usual < 2:
            continue
        share = sum(c == usual for c in counts) / len(counts)
        if sep == " " and (share < 1 or found):  # words have spaces too
            continue
        if sep == "::" and share < 0.5:
            continue
        first = counts[0] > 1 and share >= 0.5
        if (first, share) > (best[0], best[1] + 0.05 * (first == best[0])):
            best, found = (first, share), sep
    return found or ","


def _is_header(first: list[str], rest: list[list[str]]) -> tuple[bool, str]:
    known = sum(plain(c) in KNOWN for c in first)
    if any(_number(c) for c in first):
        return False, "the first row holds numbers, so the file has no header: columns by position"
    if known:
        return True, ""
    if any(_number(c) for row in rest for c in row):
        return True, ""
    if not rest:
        return True, ""
    return False, "no known name in the first row and no number anywhere: taken as a file without a header"


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.lower() not in ("nan", "inf", "infinity", "-inf")
