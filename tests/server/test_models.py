"""Models over HTTP."""

import pytest

from serendip.models.als import ALS
from serendip.service.settings import learned, settings_of
from serendip.service.train import fitted
from serendip.store.project import Project


@pytest.fixture
def second(shop):
    project = Project(shop / "project")
    with project.store() as store:
        return fitted(project, ALS(rank=8, epochs=3), learned(store, settings_of(project)))


def test_promote_compare_and_roll_back(client, second):
    listed = client.get("/v1/models").json()
    assert [one["current"] for one in listed] == [False, True] and listed[0]["version"] == second
    first = listed[1]["version"]
    promoted = client.post(f"/v1/models/{second}/promote")
    assert promoted.status_code == 200 and promoted.json()["current"]
    assert client.get("/v1/users/u14/recommendations").json()["model"] == second
    assert client.get(f"/v1/models/{first}/compare/{second}").json()["b"]["version"] == second
    assert client.post("/v1/models/rollback").json()["version"] == first
    assert client.get("/v1/users/u14/recommendations").json()["model"] == first
    assert client.post("/v1/models/rollback").status_code == 404


def test_what_is_no_model_is_refused(client, second):
    assert client.post("/v1/models/20200101T000000000Z-00000000/promote").status_code == 404
    assert client.get(f"/v1/models/{second}/compare/nothing").status_code == 404
    elsewhere = {"origin": "https://elsewhere.example"}
    assert client.post(f"/v1/models/{second}/promote", headers=elsewhere).status_code == 403
    assert client.post("/v1/models/rollback", headers=elsewhere).status_code == 403
