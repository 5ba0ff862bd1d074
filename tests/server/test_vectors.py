"""Embeddings that the user brings: from a Parquet file to slates, and with a new item over HTTP."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess, Popen

import httpx
import numpy as np
import polars as pl

GROUPS, ITEMS = 6, 10  # tastes of the small shop, items of each
ALONE = ("--set", "text=0", "--set", "category=0", "--set", "number=0")  # nothing but the vectors


def ids(answer: httpx.Response) -> list[str]:
    return [one["item_id"] for one in answer.json()["items"]]


def test_vectors_of_a_file_and_of_a_new_item_decide(
    shop: Path, inside: Callable[..., "CompletedProcess[str]"],
    served: Callable[..., AbstractContextManager[tuple["Popen[str]", str]]],
) -> None:  # fmt: skip
    taste = np.eye(GROUPS)[np.arange(GROUPS * ITEMS) // ITEMS]
    vectors = (taste + np.random.default_rng(0).normal(0, 0.1, taste.shape)).astype(np.float32)
    pl.DataFrame({"item_id": [f"i{i}" for i in range(len(vectors))], "embedding": vectors}).write_parquet("v.parquet")
    assert inside("ingest", "v.parquet", "--project", "project").returncode == 0
    done = inside("train", "content", *ALONE, "--project", "project")
    assert done.returncode == 0, done.stderr
    with served() as (_, address), httpx.Client(base_url=address, timeout=30) as client:
        slate = ids(client.get("/v1/users/u3/recommendations"))
        assert {int(item[1:]) // ITEMS for item in slate[:3]} == {3}
        new = {"attributes": {"title": "Something", "embedding": [0, 0, 0, 1, 0.02, 0]}}
        assert client.put("/v1/items/new", json=new).status_code == 201
        assert client.get("/v1/items/new").json()["attributes"] == new["attributes"]
        end = time.monotonic() + 30
        while not (near := ids(client.get("/v1/items/new/similar?k=5"))):
            assert time.monotonic() < end
        assert {int(item[1:]) // ITEMS for item in near} == {3}
        slate = ids(client.get("/v1/users/u3/recommendations"))
        assert slate[0] == "new"
        wrong = client.put("/v1/items/other", json={"attributes": {"embedding": "0.1|0.2"}})
        assert wrong.status_code == 422 and "embedding is a list of numbers" in wrong.json()["message"]
