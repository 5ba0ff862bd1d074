"""A user who is forgotten: nowhere in the project, while everybody else stays who they were."""

from pathlib import Path

import httpx
import pytest

from serendip.errors import NotFound
from serendip.models.popular import Popular
from serendip.service.erase import erase, naming
from serendip.service.open import opened
from serendip.service.settings import learned, settings_of
from serendip.service.slate import slate
from serendip.service.train import train
from serendip.store.project import Project


def mentioning(folder, user):
    named = naming(user)
    return [p.name for p in folder.rglob("*") if p.is_file() and named.search(p.read_text(errors="replace"))]


def test_nothing_in_the_project_names_an_erased_user_and_the_model_serves(shop):
    project = Project(shop / "project")
    assert {"leaderboard.json", "serendip.db"} <= set(mentioning(project.root, "u140"))
    others = [slate(opened(project.root), user, 5).items for user in ("u139", "u141")]
    with project.store() as store:
        done = erase(project, store, "u140")
        assert done.events == 7 and done.models == tuple(project.versions()) and done.files
        with pytest.raises(NotFound):
            erase(project, store, "u140")
    assert mentioning(project.root, "u140") == []
    live = opened(project.root)
    assert [slate(live, user, 5).items for user in ("u139", "u141")] == others
    assert not slate(live, "u140", 5).known
    data = learned(live.store, settings_of(project))
    assert len(data) == 239 * 7
    train(project, Popular(), data)
    assert opened(project.root).version == project.current()
    live.store.close()


def test_a_number_is_found_only_where_it_is_an_id():
    found = naming("140").findall
    assert found('{"user_id": "140", "n": 140}') == ["140"]
    assert found("<td>140</td><td>1404</td>") == ["140"]
    assert found("too (140 and 29, 78 and 5)") == ["140"]
    assert found("140 users have 140 items") == []


def test_the_command_says_what_went(shop, answer, inside):
    done = answer("erase", "u14", "--project", "project")
    assert done["events"] == 7 and len(done["models"]) == 1
    again = inside("erase", "u14", "--project", "project")
    assert again.returncode == 1 and "no user 'u14'" in again.stderr


def test_over_http_also_while_another_process_erases(address, shop):
    with httpx.Client(base_url=address, timeout=30) as client:
        assert client.put("/v1/users/u14/opt-out").json() == {"user_id": "u14", "opted_out": True}
        assert not client.get("/v1/users/u14/recommendations").json()["known"]
        assert client.delete("/v1/users/u14/opt-out").json()["opted_out"] is False
        assert client.get("/v1/users/u14/recommendations").json()["known"]
        gone = client.delete("/v1/users/u14").json()
        assert (gone["user_id"], gone["events"], len(gone["models"])) == ("u14", 7, 1)
        assert client.delete("/v1/users/u14").status_code == 404
        assert client.get("/v1/users/u14").status_code == 404
        assert not client.get("/v1/users/u14/recommendations").json()["known"]
        project = Project(Path("project"))
        with project.store() as store:
            erase(project, store, "u15")
        assert not client.get("/v1/users/u15/recommendations").json()["known"]
        for user in ("u14", "u15"):  # they come back as somebody new
            assert client.post("/v1/events", json={"user_id": user, "item_id": "i1"}).json()["new"] == 1
            assert client.get(f"/v1/users/{user}/recommendations?history=true").json()["history"][0]["item_id"] == "i1"
