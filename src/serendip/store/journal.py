"""Which model was published when and why: one line of JSON for each, written before it takes over."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Published:
    """One publication. at: UTC, ISO 8601; why: what led to it; after: what served until then."""

    version: str
    at: str
    why: str = ""
    after: str | None = None


def note(path: Path, version: str, why: str, after: str | None) -> None:
    """Append a publication; it is on the disk when this returns."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    line = json.dumps(asdict(Published(version, now, why, after)), ensure_ascii=False)
    with open(path, "ab+") as out:
        out.seek(max(out.tell() - 1, 0))
        torn = out.read(1) not in (b"", b"\n")  # a line that was cut off while it was written
        out.write((b"\n" if torn else b"") + line.encode() + b"\n")
        out.flush()
        os.fsync(out.fileno())


def publications(path: Path) -> list[Published]:
    """Return every publication, the oldest first; a line that was cut off is left out."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(Published(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def before(noted: Sequence[Published], current: str | None) -> str | None:
    """Return the version that was published before the current one, None where there was none.

    Going back to a version forgets those that came after it, so that going back again goes on to the one before.
    """
    stack: list[str] = []
    for one in noted:
        if one.after in stack:  # what was noted later never took over
            stack = stack[: stack.index(one.after) + 1]
        elif one.after is not None:
            stack = [one.after]
        stack = [*stack[: stack.index(one.version)], one.version] if one.version in stack else [*stack, one.version]
    if current in stack:
        stack = stack[: stack.index(current)]
    elif current is not None:
        return None
    return stack[-1] if stack else None
