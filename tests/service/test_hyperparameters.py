"""Tuned hyperparameters go into serendip.toml, and not another line of it changes."""

from pathlib import Path

import pytest

from serendip.config import Settings, read, write
from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.ease import EASE
from serendip.models.itemknn import ItemKNN
from serendip.service.hyperparameters import save
from serendip.store.project import Project


def test_into_every_form_of_the_file(tmp_path: Path) -> None:
    place = Project(tmp_path)
    save(place, EASE(l2=55.0))
    assert read(place.settings).training.hyperparameters == {"ease": {"l2": 55.0}}
    save(place, ALS(rank=32, unobserved=0.1))
    save(place, EASE(l2=66.0))
    kept = read(place.settings).training.hyperparameters
    assert kept == {"ease": {"l2": 66.0}, "als": {"rank": 32, "unobserved": 0.1}}

    place.settings.write_text("# mine\n[serving]\nk = 7 # seven\n")
    save(place, ItemKNN(recency=None))
    text = place.settings.read_text()
    assert "# mine\n" in text and "k = 7 # seven" in text
    given = read(place.settings).training.hyperparameters["itemknn"]
    assert ItemKNN.configured(given) == ItemKNN(recency=None)

    place.settings.write_text(write(Settings()))
    save(place, EASE(l2=1.5))
    assert read(place.settings).training.hyperparameters == {"ease": {"l2": 1.5}}


def test_a_form_that_cannot_be_edited_is_left_alone(tmp_path: Path) -> None:
    place = Project(tmp_path)
    text = "[training.hyperparameters.ease]\nl2 = 3.0\n"
    place.settings.write_text(text)
    with pytest.raises(UserError, match="cannot be edited"):
        save(place, EASE(l2=4.0))
    assert place.settings.read_text() == text
