"""A questionnaire of a model at work."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serendip.config import Onboarding
from serendip.service.onboarding import Said, answers_of, questionnaire
from serendip.service.open import opened


@pytest.fixture
def live(shop):
    made = opened(Path("project"))
    yield made
    made.store.close()


def test_what_is_left_out_may_be_newer_than_the_model(live):
    newer = live.pipeline.model.n_items + np.arange(2, dtype=np.int32)
    late = replace(live, pipeline=replace(live.pipeline, banned=newer))
    said = Said(items=answers_of([live.catalogue.id(0)], [], []))
    assert questionnaire(late, said, Onboarding()).items == questionnaire(live, said, Onboarding()).items != []
