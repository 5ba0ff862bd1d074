"""What several tests of the service begin with."""

from pathlib import Path

import pytest

from serendip.service.serving import Serving
from serendip.store.project import Project


@pytest.fixture
def serving(shop):
    made = Serving(Project(Path("project")))
    yield made
    made.close()
