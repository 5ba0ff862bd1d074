"""A compressed version names its parent, serves as any other, and is never taken for the exact model."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from serendip.errors import UserError
from serendip.service.compress import compress, overlap
from serendip.service.explain import explain
from serendip.service.open import opened
from serendip.service.similar import similar
from serendip.service.slate import slate
from serendip.store.artefacts import about
from serendip.store.project import Project

Answer = Callable[..., dict[str, object]]


@pytest.fixture
def project(shop: Path, answer: Answer) -> Project:
    answer("train", "als", "--set", "rank=16", "--set", "epochs=3", "--project", "project")
    return Project(shop / "project")


@pytest.mark.parametrize("to", ["float16", "int8"])
def test_a_smaller_version_beside_its_parent(project: Project, to: str) -> None:
    parent = project.current()
    made = compress(project, to)
    assert made.parent == parent == project.current() and not made.published
    assert made.bytes_after < made.bytes_before
    assert made.overlap is not None and made.overlap > 0.9 and made.n_users == 240
    told, exact = about(project.model(made.model)), about(project.model(str(parent)))
    assert told["compressed"] == {"to": to, "parent": parent}
    assert all(told[name] == exact[name] for name in ("algorithm", "hyperparameters", "data", "report"))


def test_it_serves_like_any_other(project: Project) -> None:
    exact = opened(project.root)
    made = compress(project, "int8", publish=True)
    small = opened(project.root)
    assert made.published and small.version == made.model
    for user in ("u0", "u7", "u8"):
        one, other = slate(exact, user, 10), slate(small, user, 10)
        assert len(other.items) == 10 and all(item.reason for item in other.items)
        assert len({i.item_id for i in one.items} & {i.item_id for i in other.items}) >= 8
        top = other.items[0]
        said = explain(small, user, top.item_id)
        assert said.score == pytest.approx(top.score, rel=1e-3)
    assert similar(small, "i3", 5).items
    assert slate(small, "nobody", 5).items
    for live in (exact, small):
        live.store.close()


def test_the_same_again_is_not_made_twice_and_training_gives_the_exact_model_back(
    project: Project, answer: Answer
) -> None:
    parent = project.current()
    first = compress(project, "int8", publish=True)
    again = compress(project, "int8", version=parent)
    assert again.model == first.model
    trained = answer("train", "als", "--set", "rank=16", "--set", "epochs=3", "--project", "project")
    assert trained["model"] == parent == project.current()


def test_pruning_keeps_less(shop: Path, answer: Answer) -> None:
    answer("train", "ease", "--project", "project")
    project = Project(shop / "project")
    much, little = (compress(project, "pruned", keep=keep) for keep in (0.5, 0.1))
    assert much.bytes_after > little.bytes_after and much.model != little.model
    smaller = compress(project, "int8", version=much.model)
    assert smaller.parent == much.model and smaller.bytes_after < much.bytes_after


def test_an_index(project: Project) -> None:
    pytest.importorskip("faiss", reason="faiss is not installed: pip install 'serendip[ann]'")
    made = compress(project, "ann", publish=True)
    assert made.overlap == 1.0  # of sixty items all are scanned
    live = opened(project.root)
    assert slate(live, "u1", 5).items and similar(live, "i3", 3).items
    live.store.close()


def test_what_cannot_be_done_is_said(project: Project) -> None:
    with pytest.raises(UserError, match="no version of a model"):
        compress(project, "int8", version="latest")
    with pytest.raises(UserError, match="there is no model"):
        compress(project, "int8", version="20200101T000000000Z-00000000")
    with pytest.raises(UserError, match="item weights"):
        compress(project, "pruned")
    with pytest.raises(UserError, match="did you mean 'float16'"):
        compress(project, "float32")


def test_overlap_counts_the_share_of_the_first_list() -> None:
    one = np.array([[1, 2, 3, -1], [4, 5, -1, -1], [-1, -1, -1, -1]], np.int32)
    other = np.array([[3, 9, 1, -1], [5, 4, 7, 8], [1, 2, 3, 4]], np.int32)
    assert overlap(one, other) == pytest.approx((2 / 3 + 1) / 2)


def test_the_command_says_the_cost_before_it_serves(
    project: Project, capsys: pytest.CaptureFixture[str], answer: Answer
) -> None:
    from serendip.cli import status

    capsys.readouterr()
    assert status(["compress", "--to", "int8", "--project", "project"]) == 0
    said = capsys.readouterr().out
    assert "on disk" in said and "first 10 items of 240 users" in said and "does not serve yet" in said
    told = answer("compress", "--to", "int8", "--publish", "--project", "project")
    assert told["published"] and told["to"] == "int8"
    assert status(["compress", "--to", "int7", "--project", "project"]) == 1
    assert json.dumps(told)
