"""Write a file whole or not at all: whoever reads it, or stops the writing, never meets half of it."""

import os
from pathlib import Path


def write_whole(path: Path, body: str | bytes) -> None:
    """Write a file beside its place and move it there; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        staging.write_bytes(body.encode() if isinstance(body, str) else body)
        staging.replace(path)
    finally:
        staging.unlink(missing_ok=True)
