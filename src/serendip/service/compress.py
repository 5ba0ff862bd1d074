"""Write a smaller version of a model beside it, and say what that costs before it serves."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serendip.arrays import I32, ItemLists
from serendip.data.queries import Queries
from serendip.errors import UserError
from serendip.models.compressed import KEEP, compressed
from serendip.models.contract import Model
from serendip.service.golden import Request, asked
from serendip.service.train import same
from serendip.store.artefacts import about, load, save
from serendip.store.project import Project

K = 10  # items of a slate that are compared
SAMPLE = 1000  # users whose slates are compared, at most


@dataclass(frozen=True)
class Compression:
    """A compressed version, what it takes on disk beside its parent, and how much of the slates stayed the same.

    overlap: the mean share of the parent's first 10 items that are among the first 10 of the compressed model, over
    `n_users` drawn at random; None where the store has no histories.
    """

    model: str
    parent: str
    to: str
    bytes_before: int
    bytes_after: int
    overlap: float | None
    n_users: int
    published: bool


def compress(
    project: Project, to: str, *, version: str | None = None, keep: float = KEEP, publish: bool = False, seed: int = 0
) -> Compression:
    """Write a version of a model in another form (float16, int8, pruned, ann); the same again is not made twice.

    version: the model; the one that serves where not given. keep: the share of the weights that pruning keeps.

    Raises:
        UserError: there is no such model or form, or nothing in the model can be brought into it.
    """
    parent = version or project.current()
    if parent is None:
        raise UserError(f"{project.root} has no model yet: make one with `serendip train ALGORITHM`")
    if parent not in project.versions():
        project.model(parent)
        raise UserError(f"there is no model {parent!r} in {project.models}")
    told = {name: value for name, value in about(project.model(parent)).items() if name not in ("shape", "serendip")}
    how: dict[str, object] = {"to": to, "parent": parent, **({"keep": keep} if to == "pruned" else {})}
    exact = load(project.model(parent))
    made = next((v for v in reversed(project.versions()) if same(project.model(v), {"compressed": how})), None)
    if made is None:
        small = compressed(exact, to, keep)
        made = project.new_version(f"{parent} {to} {keep}")
        save(small, project.model(made), {**told, "compressed": how, "golden": questions(project, small)})
    overlap, n_users = compared(project, exact, load(project.model(made)), seed)
    if publish:
        project.publish(made)
    before, after = (size(project.model(v)) for v in (parent, made))
    return Compression(made, parent, to, before, after, overlap, n_users, project.current() == made)


def questions(project: Project, small: Model) -> list[Request]:
    """Return golden requests with what the compressed model answers."""
    with project.store(create=False) as store:
        return asked(small, store.dataset())


def compared(project: Project, exact: Model, small: Model, seed: int) -> tuple[float | None, int]:
    """Return the mean overlap of the first items of two models for users of the store, and of how many users."""
    with project.store(create=False) as store:
        data = store.dataset()
    there = np.flatnonzero(np.diff(data.offset))
    if not len(there):
        return None, 0
    drawn = np.random.default_rng(seed).choice(there, min(SAMPLE, len(there)), replace=False)
    queries = data.queries(np.sort(drawn).astype(np.int32))
    out = known(queries, exact.n_items)
    one, other = (model.recommend(queries, K, exclude=out).item for model in (exact, small))
    return overlap(one, other), len(queries)


def known(queries: Queries, n_items: int) -> ItemLists:
    """Return the items of each history, less those that a model does not know."""
    lists = queries.history.lists
    return lists.where(lists.item < n_items)


def overlap(one: I32, other: I32) -> float:
    """Return the mean share of the items of each row of `one` that are in the row of `other`.  # (B, k), (B, k)"""
    there = one >= 0
    shared = ((one[:, :, None] == other[:, None, :]).any(axis=2) & there).sum(axis=1)
    count = there.sum(axis=1)
    return float(np.mean(shared[count > 0] / count[count > 0])) if (count > 0).any() else 1.0


def size(directory: Path) -> int:
    """Return the bytes of a model's files."""
    return sum(path.stat().st_size for path in directory.iterdir())
