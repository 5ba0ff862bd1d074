"""A job and the sides that do it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

THREADS = 2


@dataclass(frozen=True)
class Work:
    """What a job has to do at least, against the machine's limits.

    flops: float32 multiplications and additions. streamed: bytes read or written in order. gathered: bytes of rows read
    at random out of `spread` bytes. added: numbers added at random places of `spread` bytes.
    """

    flops: float = 0.0
    streamed: float = 0.0
    gathered: float = 0.0
    added: float = 0.0
    spread: float = 0.0


@dataclass(frozen=True)
class Ready:
    """A side with its data at hand.

    run: one turn, told its number, which is its seed where there is chance in it; calls: how many jobs it does.
    fit: what memory is measured of, where that is more than the turn. quality: what is told of a turn's answer.
    """

    run: Callable[[int], object]
    calls: int = 1
    fit: Callable[[], object] | None = None
    quality: Callable[[object], dict[str, float]] | None = None
    work: Work | None = None


@dataclass(frozen=True)
class Side:
    """How a library does the job; blas: threads of its BLAS (implicit asks for 1, our kernels have their own)."""

    prepare: Callable[[], Ready]
    blas: int = 1


@dataclass(frozen=True)
class Job:
    """One row a peer: how many times as fast as it we are to be.

    turns: of each side. reason: why the job stays below half of the limit that binds it, where it does.
    """

    name: str
    ours: Side
    peers: Mapping[str, Side]
    bars: Mapping[str, float] = field(default_factory=dict)
    turns: int = 5
    reason: str = ""
