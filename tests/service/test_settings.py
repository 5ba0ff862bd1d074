"""What the models are to learn, as the settings say."""

from dataclasses import replace

import pytest

from serendip.config import Data, Settings
from serendip.errors import UserError
from serendip.models.content import Content
from serendip.service.bring import publish
from serendip.service.open import opened
from serendip.service.settings import learned
from serendip.service.slate import slate
from serendip.store.project import Project


def test_attributes_that_are_left_out_are_not_learned_from_and_items_are_served(shop):
    project = Project(shop / "project")
    settings = replace(Settings(), data=Data(exclude_attributes=["price", "age"]))
    with project.store() as store:
        whole, data = learned(store, Settings()), learned(store, settings)
    assert whole.user_features.columns == ["age"] and data.user_features is None
    assert data.item_features.columns == [name for name in whole.item_features.columns if name != "price"]
    assert data.fingerprint != whole.fingerprint
    publish(Content().fit(data), project.root, name="content")
    live = opened(project.root)
    assert len(slate(live, "u14", 5).items) == 5 and slate(live, "u14", 1).items[0].source == "model"
    live.store.close()


def test_a_context_that_no_event_has_is_said_with_those_that_there_are(shop, inside):
    (shop / "more.csv").write_text("user_id,item_id,device\nu1,i1,phone\nu1,i2,desk\n")
    assert inside("ingest", "more.csv", "--project", "project").returncode == 0
    settings = replace(Settings(), data=Data(context=["devcie"]))
    with Project(shop / "project").store() as store, pytest.raises(UserError, match="did you mean 'device'"):
        learned(store, settings)
