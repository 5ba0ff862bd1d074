"""One fit of an automatic search, kept as a file so that a search that was stopped goes on."""

import io
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from serendip.data.interactions import InteractionRules
from serendip.models.contract import Algorithm
from serendip.models.votes import Votes
from serendip.service.whole import write_whole

DAMAGED = (OSError, EOFError, ValueError, LookupError, TypeError, BadZipFile, zlib.error)


@dataclass(frozen=True)
class Entry:
    """One fit: on what share of the users, under which rules, what it came to, and how long it took."""

    algorithm: Algorithm
    share: float
    rules: InteractionRules
    mean: float
    seconds: float
    votes: Votes | None = None  # where all users were learned from


def write(path: Path, entry: Entry) -> None:
    """Keep what an entry came to."""
    out = io.BytesIO()
    cast = {} if entry.votes is None else {"item": entry.votes.item, "z": entry.votes.z}
    np.savez_compressed(out, about=np.array(json.dumps([entry.mean, entry.seconds])), **cast)  # type: ignore[arg-type]
    write_whole(path, out.getvalue())


def read(path: Path, algorithm: Algorithm, share: float, rules: InteractionRules) -> Entry | None:
    """Return what was kept of a fit; None where nothing was or the file is damaged."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as raw, np.load(raw) as file:
            mean, seconds = json.loads(str(file["about"]))
            cast = Votes(file["item"], file["z"]) if "item" in file.files else None
            return Entry(algorithm, share, rules, float(mean), float(seconds), cast)
    except DAMAGED:
        return None
