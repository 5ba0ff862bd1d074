"""The most memory that the process held while something ran."""

import re
import resource
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


class PeakMemory:
    """Measures, between entry and exit, the largest resident set of the process in MB (2^20 bytes).

    On Linux the kernel's own high-water mark, which is set back at entry, so that nothing is missed between samples;
    elsewhere, and where it cannot be set back, the largest since the process began.
    """

    mb: float = 0.0

    def __enter__(self) -> Self:
        try:
            RESET.write_text("5")  # proc(5): reset the peak resident set size
        except OSError:
            self.resets = False
        else:
            self.resets = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text()) if self.resets else None
        if found is not None:
            self.mb = int(found.group(1)) / 1024
        else:
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            self.mb = most / (2**20 if sys.platform == "darwin" else 1024)
