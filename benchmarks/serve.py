"""Latency and throughput of the server on loopback: `make bench-serve` (needs SERENDIP_DATA or the package index).

A project is made of MovieLens 1M with one algorithm; `serendip serve` runs as a process of its own, and a client on the
same machine asks for slates of random users: first at a fixed rate, then as fast as 16 connections can. A late answer
does not make the next request late, so that waiting is counted (no coordinated omission). Then the same from the cache,
what further workers cost in memory, how soon each worker's answers follow a write, and a catalogue of a million items.
`python benchmarks/serve.py cache` (models, cache, memory, fresh, large) makes some of the parts alone.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import polars as pl
import psutil
from section import machine, write_section

from serendip.data.catalogue import load
from serendip.data.dataset import Dataset
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.models.als import ALS
from serendip.models.contract import Algorithm
from serendip.registry import ALGORITHMS
from serendip.registry import load as named
from serendip.service.ingest import ingest
from serendip.service.settings import learned, settings_of
from serendip.service.train import train
from serendip.store.project import Project

RATE, SECONDS, CONNECTIONS = 500, 10, 16
OFTEN = 1_000  # users whose slates are asked for again and again
LARGE, LARGE_USERS, LARGE_EVENTS, LARGE_RATE = 1_000_000, 50_000, 2_000_000, 20
WRITES = 100  # of each kind, to see how soon answers follow
PARTS = ("models", "cache", "memory", "fresh", "large")
PUBLISHED = "\n".join(
    (
        "Others' own figures, of other machines and other work, so that they are a scale and no comparison:",
        "",
        "| | figure | what it times |",
        "|---|---|---|",
        "| Gorse, `BenchmarkRecommendFromOfflineCache` of its server | 0.35 ms for n = 10, 2.83 ms for n = 1,000 | "
        "one request after the other over HTTP within one process: ids alone, from a cache that was filled beforehand, "
        "what the user has seen left out; no model at work, no titles, no reasons |",
        "| Recotem | p99 < 50 ms | a target, not a measurement |",
        "| Serendip, the rows above | | many requests at once from a process of its own on the same cores: ids, "
        "titles, scores and reasons |",
    )
)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> tuple[int, bytes]:
    """Send one request over an open connection; return the status and the body."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(
        next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split(b":")[1]
    )
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


class Load(NamedTuple):
    """Seconds that each answer took from when its request was due; answers a second; requests turned away (503)."""

    waits: np.ndarray
    a_second: float
    refused: int


async def load_test(port: int, paths: list[str], rate: float | None) -> Load:
    """Return what came of requests that are due at a rate, or, without one, as fast as they are answered."""
    waits: list[float] = []
    refused = 0
    due = iter(range(len(paths)))
    start = time.perf_counter()

    async def work() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in due:
            at = start + n / rate if rate else time.perf_counter()
            if (early := at - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            if time.perf_counter() - start > 2 * SECONDS:
                break
            status, _ = await ask(reader, writer, paths[n])
            assert status in (200, 503), status
            if status == 200:
                waits.append(time.perf_counter() - at)
            else:
                refused += 1
        writer.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return Load(np.array(waits), len(waits) / (time.perf_counter() - start), refused)


@contextmanager
def server(folder: str, workers: int = 1) -> Iterator[tuple[int, psutil.Process]]:
    """Give the port and the process of a server of a project."""
    command = [sys.executable, "-m", "serendip", "serve", "--project", folder, "--port", "0", "--workers", str(workers)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().split("127.0.0.1:")[1].split("/")[0]), psutil.Process(process.pid)
        finally:
            process.terminate()


def settled(folder: str, slates: int, users: int = 0) -> None:
    """Let the project keep so many slates, and make those of so many users at the start."""
    (Path(folder) / "serendip.toml").write_text(f"[cache]\nslates = {slates}\nusers = {users}\n")


def row(name: str, folder: str, users: list[str], rate: int = RATE, again: int | None = None) -> str:
    """Return the row of a published model. again: of how many users slates are asked, so that they are in the cache."""
    settled(folder, 0 if again is None else 10_000)
    with server(folder) as (port, process):
        random = np.random.default_rng(0)
        asked = random.integers(0, again or len(users), max(rate * SECONDS, 4_000 if again else 0))
        paths = [f"/v1/users/{users[u]}/recommendations" for u in asked]
        asyncio.run(load_test(port, paths[: again or 200], None))
        fixed = asyncio.run(load_test(port, paths[: rate * SECONDS], rate))
        before = process.cpu_times()
        most = asyncio.run(load_test(port, paths, None))
        after = process.cpu_times()
    used = 1e3 * (after.user + after.system - before.user - before.system) / len(most.waits)
    p50, p99 = (1e3 * np.quantile(fixed.waits, q) for q in (0.5, 0.99))
    return f"| {name} | {rate} | {p50:.1f} ms | {p99:.1f} ms | {fixed.refused} | {most.a_second:,.0f} | {used:.2f} ms |"


def memory(folder: str) -> str:
    """Return what one, two and three workers hold, in PSS: what they share is counted once."""
    settled(folder, 10_000)
    held = []
    for workers in (1, 2, 3):
        with server(folder, workers) as (port, process):
            paths = [f"/v1/users/{n + 1}/recommendations" for n in range(300)]
            asyncio.run(load_test(port, paths, None))
            each = [process, *process.children(recursive=True)]
            held.append(sum(one.memory_full_info().pss for one in each) / 2**20)
    more = max(held[1] - held[0], held[2] - held[1])
    return (
        f"Memory as PSS with ALS on MovieLens 1M, after 300 slates: {held[0]:.0f} MB with one worker, {held[1]:.0f} "
        f"with two, {held[2]:.0f} with three, the process that watches over them included: a further one costs "
        f"{more:.0f} MB."
    )


async def written(port: int, method: str, path: str, body: object) -> None:
    """Send one request that writes, and wait until it is acknowledged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    text = json.dumps(body)
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(text.encode())}\r\n\r\n{text}".encode())
    answer = await reader.read()
    assert answer.split(b" ", 2)[1][:1] == b"2", answer
    writer.close()


async def followed(port: int, path: str, write: tuple[str, str, object], seen: Callable[[set[str]], bool]) -> float:
    """Return the seconds from the acknowledgement until the answers on every connection show what was written."""
    links = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    await asyncio.gather(*(ask(*link, path) for link in links))  # so that it is in the cache of every worker
    await written(port, *write)
    acknowledged = time.perf_counter()

    async def until(link: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> float:
        while True:
            status, body = await ask(*link, path)
            assert status == 200, status
            if seen({one["item_id"] for one in json.loads(body)["items"]}):
                return time.perf_counter() - acknowledged

    took = max(await asyncio.gather(*(until(link) for link in links)))
    for _, writer in links:
        writer.close()
    return took


def fresh(folder: str, users: list[str], items: list[str]) -> str:
    """Return how soon the answers of two workers follow what one of them wrote."""
    settled(folder, 10_000)
    random = np.random.default_rng(1)
    took: dict[str, list[float]] = {"an event": [], "a hidden item": [], "a new item": []}
    with server(folder, 2) as (port, _):
        for n in range(WRITES):
            user = users[random.integers(len(users))]
            path = f"/v1/users/{user}/recommendations"

            async def first(path: str = path) -> str:
                link = await asyncio.open_connection("127.0.0.1", port)
                _, body = await ask(*link, path)
                link[1].close()
                return str(json.loads(body)["items"][0]["item_id"])

            top = asyncio.run(first())
            event = ("POST", "/v1/events", {"user_id": user, "item_id": top, "type": "rating", "value": 5})
            took["an event"].append(asyncio.run(followed(port, path, event, lambda s, top=top: top not in s)))
            top = asyncio.run(first())
            hide = ("PATCH", f"/v1/items/{top}", {"hidden": True})
            took["a hidden item"].append(asyncio.run(followed(port, path, hide, lambda s, top=top: top not in s)))
            asyncio.run(written(port, "PATCH", f"/v1/items/{top}", {"hidden": False}))
            like, new = items[random.integers(len(items))], f"new{n}"
            about = {"title": f"New {n}", "genres": ["Film-Noir", "Western", "Musical"], "year": 1900}
            for known in (like, new):
                if known == like:
                    asyncio.run(written(port, "PATCH", f"/v1/items/{like}", {"attributes": about}))
            put = ("PUT", f"/v1/items/{new}", {"attributes": about})
            path = f"/v1/items/{like}/similar?k=1000"
            took["a new item"].append(asyncio.run(followed(port, path, put, lambda s, new=new: new in s)))
    said = [
        f"| {what} | {1e3 * np.quantile(t, 0.5):.0f} ms | {1e3 * np.quantile(t, 0.99):.0f} ms |"
        for what, t in took.items()
    ]
    return (
        f"From the acknowledgement of a write until the answers on {CONNECTIONS} connections to two workers show it, "
        f"the answers' own time included, {WRITES} times each, ALS on MovieLens 1M with the cache on:\n\n"
        "| what is written | p50 | p99 |\n|---|---|---|\n" + "\n".join(said)
    )


def large(folder: str) -> str:
    """Return the row of a catalogue of a million items."""
    random = np.random.default_rng(2)
    item = np.concatenate([np.arange(LARGE), LARGE * random.random(LARGE_EVENTS - LARGE) ** 3]).astype(np.int64)
    user = random.integers(0, LARGE_USERS, LARGE_EVENTS)
    events = pl.DataFrame(
        {"user_id": user, "item_id": item, "timestamp": 1_600_000_000_000 + np.arange(LARGE_EVENTS) * 10_000}
    )
    project = Project(Path(folder))
    with project.store() as store, store.bulk() as bulk:
        texts = events.with_columns(pl.col("user_id", "item_id").cast(pl.String))
        for start in range(0, LARGE_EVENTS, 500_000):
            part = texts.slice(start, 500_000)
            ids = pl.Series("event_id", [f"e{n}" for n in range(start, start + len(part))])
            bulk.add(Tables(part.with_columns(ids)))
    with project.store() as store:
        data = learned(store, settings_of(project))
        train(project, ALS(rank=64, epochs=1), data)
        users = data.users.series.head(5_000).to_list()
    return row(f"ALS of 64 factors, {LARGE:,} items", folder, users, LARGE_RATE)


def made(folder: str) -> Dataset:
    """Return the data of a project of MovieLens 1M, made in a folder."""
    project, tables = Project(Path(folder)), load("ml-1m")
    with project.store() as store:
        ingest(store, [tables.events.drop("event_id")])
        store.add(Tables(EVENT_SCHEMA.to_frame(), tables.items, tables.users))
        return learned(store, settings_of(project))


def main(parts: list[str]) -> None:
    """Measure some parts, and write them."""
    rows: list[str] = []
    with TemporaryDirectory(prefix="serendip-") as folder:
        if set(parts) - {"large"}:
            data = made(folder)
            users, items = data.users.series.to_list(), data.items.series.to_list()
        for name in ("als", "ease", "itemknn", "weighted") if "models" in parts else ():
            algorithm: Algorithm = named(name, ALGORITHMS, "algorithm")()
            train(Project(Path(folder)), algorithm, data)
            rows.append(row(f"{name}, ml-1m, uncached", folder, users))
            print(rows[-1], flush=True)
        if {"cache", "memory", "fresh"} & set(parts):
            train(Project(Path(folder)), ALS(), data)
        if "cache" in parts:
            rows.append(row("als, ml-1m, from the cache", folder, users, again=OFTEN))
            print(rows[-1], flush=True)
        held = [memory(folder)] if "memory" in parts else []
        soon = [fresh(folder, users, items)] if "fresh" in parts else []
        print(*held, *soon, sep="\n", flush=True)
    if "large" in parts:
        with TemporaryDirectory(prefix="serendip-") as folder:
            rows.append(large(folder))
            print(rows[-1], flush=True)
    if set(parts) != set(PARTS):
        return
    write_section(
        "serve",
        "## Serving\n\nMade by `make bench-serve`: slates of 10 with reasons for any users, history read from SQLite "
        "at each request but for the row of the cache, one worker, the client on the same cores. "
        f"{SECONDS} s at a fixed rate over {CONNECTIONS} connections, then at most; processor time is that of the "
        "server at most.\n\n"
        "| model | requests a second | p50 | p99 | turned away | most requests a second | processor time a request |\n"
        "|---|---|---|---|---|---|---|\n" + "\n\n".join(["\n".join(rows), *held, *soon, PUBLISHED])
        + f"\n\nMeasured on {machine('fastapi', 'uvicorn')}.",
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:] or list(PARTS))
