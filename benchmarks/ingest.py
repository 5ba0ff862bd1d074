"""How fast a large file is read into the store, and in how much memory: `python benchmarks/ingest.py [ROWS]`.

The file is made from a seed: a power law over users and items, ratings 1 to 5, times over five years. `serendip ingest`
runs as a process of its own, so that its peak memory is its own.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from section import machine, write_section

BLOCK = 2_000_000  # rows made at once


def make(path: Path, rows: int, n_users: int = 138_000, n_items: int = 27_000) -> None:
    """Write the file."""
    generator = np.random.default_rng(0)
    with open(path, "wb") as out:
        for first in range(0, rows, BLOCK):
            n = min(BLOCK, rows - first)
            frame = pl.DataFrame(
                {
                    "user_id": (n_users * generator.random(n) ** 1.5).astype(np.int64),
                    "item_id": (n_items * generator.random(n) ** 3).astype(np.int64),
                    "rating": generator.integers(1, 6, n),
                    "timestamp": 1_500_000_000 + generator.integers(0, 5 * 365 * 86_400, n),
                }
            )
            frame.write_csv(out, include_header=first == 0)


def main(rows: int) -> None:
    with TemporaryDirectory(prefix="serendip-") as folder:
        file = Path(folder) / "events.csv"
        make(file, rows)
        command = [sys.executable, "-m", "serendip", "ingest", str(file), "--project", folder, "--scale", "1,5"]
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        if status:
            raise SystemExit(f"serendip ingest failed with status {status}")
        store = sum(p.stat().st_size for p in Path(folder).glob("serendip.db*"))
        size, cpu = file.stat().st_size / 1e6, usage.ru_utime + usage.ru_stime
        figures = (f"{rows:,}", f"{size:,.0f} MB", f"{wall:.0f} s", f"{rows / wall:,.0f}", f"{cpu:.0f} s",
                   f"{usage.ru_maxrss / 1024:,.0f} MB", f"{store / 1e6:,.0f} MB")  # fmt: skip
        body = (
            "## Ingest\n\nMade by `python benchmarks/ingest.py`: one CSV of user, item, rating and time, 138,000 "
            "users, 27,000 items.\n\n| rows | file | wall | rows a second | CPU | peak memory | store |\n"
            f"|---|---|---|---|---|---|---|\n| {' | '.join(figures)} |\n\n"
            "Memory: the process (about 150 MB), 12 bytes a distinct row, about 30 times a block of 8 MB of text, "
            "about 500 bytes a row of one transaction of a million rows, and about 150 bytes a user and an item.\n\n"
            f"Measured on {machine()}."
        )
        write_section("ingest", body)
        print(body)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000)
