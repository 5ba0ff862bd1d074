"""How many events a second the server records, each on the disk before its answer: `make bench-events`.

`serendip serve` runs as a process of its own on a small project; a client on the same machine sends batches of 500 over
4 connections at a fixed rate, then single events over 64 connections at a fixed rate, then both as fast as it goes. An
answer that is late does not make the next request late, so that waiting is counted. Beside it: how often a second the
same disk does what each transaction must wait for, a small append and fsync.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from section import machine, write_section

from serendip.data.shop import simulate
from serendip.models.popular import Popular
from serendip.service.settings import learned, settings_of
from serendip.service.train import train
from serendip.store.project import Project

SECONDS = 10.0
BATCH, BATCHES, TOGETHER = 500, 4, 5_000  # events of one request, connections, events a second
ALONE, SINGLY = 64, 800  # connections, events a second


def fsyncs(folder: Path, seconds: float = 2.0) -> float:
    """Return how many appends of 4 KiB with fsync the disk does a second."""
    with open(folder / "fsync", "wb", buffering=0) as out:
        start, n = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            out.write(bytes(4096))
            os.fsync(out.fileno())
            n += 1
    return n / (time.perf_counter() - start)


def request(n: int, size: int, random: np.random.Generator) -> bytes:
    """Return a request with new events, one by itself or a list."""
    user, item = random.integers(0, 5000, size), random.integers(0, 500, size)
    events = [
        {"user_id": f"u{u}", "item_id": f"p{i}", "type": "view", "event_id": f"{os.getpid()}-{n}-{e}"}
        for e, (u, i) in enumerate(zip(user.tolist(), item.tolist(), strict=True))
    ]
    body = json.dumps(events if size > 1 else events[0]).encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body


async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes, size: int) -> bool:
    """Send one request over an open connection; return whether it was taken: every event of it is recorded then."""
    writer.write(asked)
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    body = await reader.readexactly(int(lengths[0].split(b":")[1]))
    if head.startswith((b"HTTP/1.1 429", b"HTTP/1.1 503")):
        return False
    assert head.startswith(b"HTTP/1.1 200") and json.loads(body)["new"] == size, body[:300]
    return True


async def load_test(
    port: int, asked: list[bytes], size: int, connections: int, rate: float | None
) -> tuple[float, ...]:
    """Return p50 and p99 of the milliseconds from due to answered, and the events recorded and refused a second."""
    waits: list[float] = []
    refused: list[int] = []
    due = iter(range(len(asked)))
    start = time.perf_counter()

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in due:
            at = start + n * size / rate if rate else time.perf_counter()
            if (early := at - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            if time.perf_counter() - start > 2 * SECONDS:
                break
            if await send(reader, writer, asked[n], size):
                waits.append(time.perf_counter() - at)
            else:
                refused.append(n)
        writer.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    took = time.perf_counter() - start
    p50, p99 = (1e3 * float(np.quantile(waits, q)) for q in (0.5, 0.99))
    return p50, p99, len(waits) * size / took, len(refused) * size / took


def measure(folder: Path, where: str) -> list[str]:
    """Return the rows of a table for a project that is kept in a database."""
    random, number = np.random.default_rng(0), iter(range(10**9))
    command = [sys.executable, "-m", "serendip", "serve", "--project", str(folder), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().split("127.0.0.1:")[1].split("/")[0])
            rows = []
            for name, size, connections, rate in (
                (f"lists of {BATCH} over {BATCHES} connections", BATCH, BATCHES, TOGETHER),
                (f"one by one over {ALONE} connections", 1, ALONE, SINGLY),
            ):

                def made(n: int, size: int = size) -> list[bytes]:
                    return [request(next(number), size, random) for _ in range(n)]

                asyncio.run(load_test(port, made(20), size, connections, None))
                p50, p99, got, refused = asyncio.run(
                    load_test(port, made(int(SECONDS * rate / size)), size, connections, rate)
                )
                most = asyncio.run(load_test(port, made(int(SECONDS * rate / size)), size, connections, None))[2]
                numbers = f"{rate:,} | {got:,.0f} | {refused:,.0f} | {p50:.1f} ms | {p99:.1f} ms | {most:,.0f}"
                rows.append(f"| {where} | {name} | {numbers} |")
                print(rows[-1], flush=True)
        finally:
            server.terminate()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", default="", help="the address of an empty database, to measure that too")
    given = parser.parse_args()
    rows = []
    with TemporaryDirectory(prefix="serendip-") as name:
        rate = fsyncs(Path(name))
        for where, url in (("SQLite", ""), *((("PostgreSQL", given.postgres),) if given.postgres else ())):
            project = Project(Path(name) / where).make()
            if url:
                project.settings.write_text(f'[storage]\nurl = "{url}"\n')
            with project.store() as store:
                store.add(simulate(seed=0, n_users=500, n_items=200, days=60).tables)
                train(project, Popular(), learned(store, settings_of(project)))
            rows += measure(project.root, where)
    write_section(
        "events",
        "## Events\n\nMade by `make bench-events`: new events with an id each, every one on the disk before its "
        f"answer, one worker, the client on the same cores, {SECONDS:.0f} s at a fixed rate, then at most. The disk"
        f" does {rate:,.0f} appends of 4 KiB with fsync a second. {os.getloadavg()[0]:.0f} other threads wanted the "
        f"{os.cpu_count()} cores meanwhile.\n\n"
        "| store | requests | asked, events/s | recorded | refused | p50 | p99 | at most, events/s |\n"
        "|---|---|---|---|---|---|---|---|\n" + "\n".join(rows) + f"\n\nMeasured on {machine('fastapi', 'uvicorn')}.",
    )


if __name__ == "__main__":
    main()
