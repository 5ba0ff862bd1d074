"""The machine's own limits, measured by limits.cpp, which this compiles for the machine at hand.

Each is the best of a few, with as many threads as the jobs have: what a kernel is to be held against.
"""

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jobs.job import THREADS, Work

SOURCE = Path(__file__).with_name("limits.cpp")
REPEATS = 3
SPREADS = (1 << 18, 1 << 20, 1 << 23, 1 << 25, 1 << 27, 1 << 30)  # bytes that random reads and additions spread over
LARGE = 1 << 30


@dataclass(frozen=True)
class Limits:
    """flops: multiplications and additions a second; streamed, gathered: bytes a second; added: numbers a second.

    gathered and added: by the bytes that they spread over; one_core: flops of one thread.
    """

    flops: float
    one_core: float
    streamed: float
    gathered: dict[int, float]
    added: dict[int, float]

    def share(self, work: Work, seconds: float) -> tuple[str, float]:
        """Return the limit that binds a job and the share of it that was reached."""
        near = next((s for s in SPREADS if s >= work.spread), SPREADS[-1])
        least = {
            "arithmetic": work.flops / self.flops,
            "memory in order": work.streamed / self.streamed,
            "memory at random": work.gathered / self.gathered[near],
            "additions at random": work.added / self.added[near],
        }
        binds = max(least, key=lambda name: least[name])
        return binds, least[binds] / seconds

    @staticmethod
    def kept(row: Mapping[str, Any]) -> "Limits":
        """Return them from `asdict` by way of JSON, whose names are text."""
        return Limits(
            row["flops"], row["one_core"], row["streamed"],
            *({int(s): v for s, v in row[name].items()} for name in ("gathered", "added")),
        )  # fmt: skip

    def table(self) -> str:
        """Return them in words."""
        lines = [
            f"- arithmetic: {self.flops / 1e9:.0f} GFLOP/s of float32 with {THREADS} threads, "
            f"{self.one_core / 1e9:.0f} with one",
            f"- memory in order: {self.streamed / 1e9:.1f} GB/s over {LARGE >> 20} MB",
            "- memory at random, rows of 256 bytes: "
            + ", ".join(f"{v / 1e9:.1f} GB/s over {size(s)}" for s, v in self.gathered.items()),
            "- additions at random: " + ", ".join(f"{v / 1e9:.2f} G/s over {size(s)}" for s, v in self.added.items()),
        ]
        return "\n".join(lines)


def size(count: int) -> str:
    return f"{count >> 20} MB" if count >= 1 << 20 else f"{count >> 10} KB"


def limits() -> Limits:
    """Return the limits of this machine.

    Raises:
        SystemExit: there is no compiler.
    """
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "limits.so"
        compiler = os.environ.get("CXX", "c++")
        command = [compiler, "-O3", "-march=native", "-std=c++20", "-pthread", "-shared", "-fPIC", "-Wno-psabi"]
        try:
            subprocess.run([*command, str(SOURCE), "-o", str(library)], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"the limits need a C++20 compiler: {getattr(error, 'stderr', '') or error}") from None
        code = ctypes.CDLL(str(library))
    for name in ("flops", "stream", "gather", "scatter"):
        getattr(code, name).restype = ctypes.c_double
    x = np.ones(LARGE // 4 + 16, np.float32)
    at = ctypes.c_void_p(x.ctypes.data + -x.ctypes.data % 64)
    n, rows = ctypes.c_long(LARGE // 4), {s: ctypes.c_long(s // 256) for s in SPREADS}

    def best(name: str, *given: object) -> float:
        return max(float(getattr(code, name)(*given)) for _ in range(REPEATS))

    return Limits(
        best("flops", THREADS), best("flops", 1), best("stream", at, n, THREADS),
        {s: best("gather", at, rows[s], 64, THREADS) for s in SPREADS},
        {s: best("scatter", ctypes.c_long(s // 4), THREADS) for s in SPREADS},
    )  # fmt: skip


if __name__ == "__main__":
    print(limits().table())
