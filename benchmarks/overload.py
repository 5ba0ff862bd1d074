"""Ten times what the server can do: `make bench-overload` (needs SERENDIP_DATA or the package index).

What one worker can do is measured first, by 16 connections that ask as fast as they are answered. Then ten times that
is offered at a fixed rate, whoever waits, over OPEN connections; a request that finds none free counts as late. Goodput
is what is answered with a slate within DEADLINE. The client is on the same cores and takes its share of them, and so
the slates made in a second of the server's processor time, late ones too, are counted beside it.
"""

import asyncio
import itertools
import re
import resource
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import psutil
import uvloop
from section import machine, write_section
from serve import made, server, settled

from serendip.models.contract import Algorithm
from serendip.registry import ALGORITHMS
from serendip.registry import load as named
from serendip.service.train import train
from serendip.store.project import Project

TIMES, SECONDS, CONNECTIONS, DEADLINE = 10, 5, 16, 0.25
OPEN = 1_000  # connections
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Link(asyncio.Protocol):
    """A connection, with one request under way at most; little more than the system's own calls, so that the server
    has what there is of the cores."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.came = cast(asyncio.Transport, transport), b""

    def ask(self, path: str, answered: Callable[[int], None]) -> None:
        """Send a request; `answered` is called with the status."""
        self.answered = answered
        self.transport.write(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path.encode())

    def data_received(self, data: bytes) -> None:
        self.came += data
        head, end, body = self.came.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if end and length and len(body) >= int(length[1]):
            status, self.came = int(head[9:12]), b""
            self.answered(status)


async def linked(port: int, n: int) -> list[Link]:
    """Return n connections."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Link, "127.0.0.1", port))[1] for _ in range(n)]


async def closed(port: int, paths: list[str]) -> Counter[str]:
    """Return what a few connections got that ask as fast as they are answered."""
    seen: Counter[str] = Counter()
    due = itertools.cycle(paths)
    end = time.perf_counter() + SECONDS

    def ask(link: Link) -> None:
        def answered(status: int) -> None:
            seen["good" if status == 200 else "turned away"] += 1
            if time.perf_counter() < end:
                ask(link)

        link.ask(next(due), answered)

    links = await linked(port, CONNECTIONS)
    for link in links:
        ask(link)
    await asyncio.sleep(SECONDS)
    for link in links:
        link.transport.close()
    return seen


async def offered(port: int, paths: list[str], rate: float) -> Counter[str]:
    """Return what became of requests at a fixed rate."""
    seen: Counter[str] = Counter()
    links = await linked(port, OPEN)
    free = deque(links)
    start = time.perf_counter()

    def one(link: Link, due: float, path: str) -> None:
        def answered(status: int) -> None:
            free.append(link)
            seen["slates"] += status == 200
            late = time.perf_counter() - due > DEADLINE
            seen["turned away" if status == 503 else "late" if late else "good"] += 1

        link.ask(path, answered)

    n = 0
    while (now := time.perf_counter() - start) < SECONDS:
        while n < now * rate:
            if free:
                one(free.popleft(), start + n / rate, paths[n % len(paths)])
            else:
                seen["late"] += 1
            n += 1
        await asyncio.sleep(0.001)
    seen["offered"] = n
    for link in links:
        link.transport.close()
    return seen


def asked(work: Coroutine[None, None, Counter[str]]) -> Counter[str]:
    """Return what a load test gives."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def row(name: str, folder: str, users: list[str]) -> str:
    """Return the row of a published model."""
    settled(folder, 0)
    random = np.random.default_rng(0)
    paths = [f"/v1/users/{users[u]}/recommendations" for u in random.integers(0, len(users), 5_000)]
    with server(folder) as (port, process):
        asked(closed(port, paths))
        able, cpu = counted(process, lambda: asked(closed(port, paths)))
        rate = able["good"] / SECONDS
        under, cpu_under = counted(process, lambda: asked(offered(port, paths, TIMES * rate)))
    share = under["good"] / able["good"]
    by_cpu = (under["slates"] / cpu_under) / (able["good"] / cpu)
    return (
        f"| {name} | {rate:,.0f} | {under['offered'] / SECONDS:,.0f} | {under['good'] / SECONDS:,.0f} | {share:.0%} | "
        f"{under['turned away'] / SECONDS:,.0f} | {under['late'] / SECONDS:,.0f} | {by_cpu:.0%} |"
    )


def counted(process: psutil.Process, run: Callable[[], Counter[str]]) -> tuple[Counter[str], float]:
    """Return what a run gives, and the processor time that a process took meanwhile."""
    before = process.cpu_times()
    got = run()
    after = process.cpu_times()
    return got, after.user + after.system - before.user - before.system


def main() -> None:
    """Measure, and write the section."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = []
    with TemporaryDirectory(prefix="serendip-") as folder:
        data = made(folder)
        for name in sys.argv[1:] or ["als", "ease"]:
            algorithm: Algorithm = named(name, ALGORITHMS, "algorithm")()
            train(Project(Path(folder)), algorithm, data)
            rows.append(row(f"{name}, ml-1m, uncached", folder, data.users.series.to_list()))
            print(rows[-1], flush=True)
    write_section(
        "overload",
        f"## Ten times the load\n\nMade by `make bench-overload`: one worker, {SECONDS} s each, the client "
        f"on the same cores; good is a slate within {1e3 * DEADLINE:.0f} ms of when it was due. The last column has "
        "slates made in a second of the server's processor time, of those that it makes in one without overload.\n\n"
        "| model | it can, a second | offered | good | of what it can | turned away | late | by processor time |\n"
        "|---|---|---|---|---|---|---|---|\n" + "\n".join(rows) + f"\n\nMeasured on {machine('fastapi', 'uvicorn')}.",
    )  # fmt: skip


if __name__ == "__main__":
    main()
