"""Latency and throughput of the server on loopback: `make bench-serve` (needs SERENDIP_DATA or the package index).

A project is made of MovieLens 1M with one algorithm; `serendip serve` runs as a process of its own, and a client on the
same machine asks for slates of random users: first at a fixed rate, then as fast as 16 connections can. A late answer
does not make the next request late, so that waiting is counted (no coordinated omission).
"""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from section import machine, write_section

from serendip.data.catalogue import load
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.models.contract import Algorithm
from serendip.registry import ALGORITHMS
from serendip.registry import load as named
from serendip.service.ingest import ingest
from serendip.service.settings import learned, settings_of
from serendip.service.train import train
from serendip.store.project import Project

RATE, SECONDS, CONNECTIONS = 500, 10, 16


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> int:
    """Send one request over an open connection; return the status."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(
        next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split(b":")[1]
    )
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


async def load_test(port: int, paths: list[str], rate: float | None) -> tuple[np.ndarray, float]:
    """Return the seconds each request took from when it was due, and how many were answered a second."""
    waits: list[float] = []
    due = iter(range(len(paths)))
    start = time.perf_counter()

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in due:
            at = start + n / rate if rate else time.perf_counter()
            if (early := at - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            if time.perf_counter() - start > 2 * SECONDS:
                break
            status = await ask(reader, writer, paths[n])
            assert status == 200, status
            waits.append(time.perf_counter() - at)
        writer.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return np.array(waits), len(waits) / (time.perf_counter() - start)


def row(name: str, folder: str, users: list[str]) -> str:
    """Return the row of a published model."""
    command = [sys.executable, "-m", "serendip", "serve", "--project", folder, "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().split("127.0.0.1:")[1].split("/")[0])
            random = np.random.default_rng(0)
            paths = [f"/v1/users/{users[u]}/recommendations" for u in random.integers(0, len(users), RATE * SECONDS)]
            asyncio.run(load_test(port, paths[:200], None))
            fixed, _ = asyncio.run(load_test(port, paths, RATE))
            _, most = asyncio.run(load_test(port, paths, None))
        finally:
            server.terminate()
    p50, p99 = (1e3 * np.quantile(fixed, q) for q in (0.5, 0.99))
    return f"| {name} | {len(users):,} users | {p50:.1f} ms | {p99:.1f} ms | {most:,.0f} |"


def main() -> None:
    rows = []
    with TemporaryDirectory(prefix="serendip-") as folder:
        project, tables = Project(Path(folder)), load("ml-1m")
        with project.store() as store:
            ingest(store, [tables.events.drop("event_id")])
            store.add(Tables(EVENT_SCHEMA.to_frame(), tables.items, tables.users))
            data = learned(store, settings_of(project))
        for name in ("als", "ease", "itemknn", "weighted"):
            algorithm: Algorithm = named(name, ALGORITHMS, "algorithm")()
            train(project, algorithm, data)
            rows.append(row(name, folder, data.users.series.to_list()))
            print(rows[-1], flush=True)
            write_section(
                "serve",
                "## Serving\n\nMade by `make bench-serve`: MovieLens 1M, slates of 10 with reasons for any users, "
                "history read from SQLite at each request, one worker, the client on the same cores. "
                f"{RATE} requests a second for {SECONDS} s over {CONNECTIONS} connections, then at most.\n\n"
                f"| model | data | p50 at {RATE}/s | p99 at {RATE}/s | most requests a second |\n"
                "|---|---|---|---|---|\n" + "\n".join(rows) + f"\n\nMeasured on {machine('fastapi', 'uvicorn')}.",
            )


if __name__ == "__main__":
    main()
