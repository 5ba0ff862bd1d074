"""Recommender systems from raw feedback to served slates.

What a notebook needs is here by name and loaded when it is used:

>>> import serendip
>>> serendip.EASE(l2=100.0).settings()
{'l2': 100.0}
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

FACES = {
    "ALS": "serendip.models.als",
    "AsyncClient": "serendip.client",
    "Client": "serendip.client",
    "Content": "serendip.models.content",
    "Dataset": "serendip.data.dataset",
    "EASE": "serendip.models.ease",
    "InteractionRules": "serendip.data.interactions",
    "ItemKNN": "serendip.models.itemknn",
    "Latest": "serendip.models.latest",
    "Pipeline": "serendip.pipeline.pipeline",
    "Popular": "serendip.models.popular",
    "Run": "serendip.models.contract",
    "SVD": "serendip.models.svd",
    "Switching": "serendip.models.switching",
    "Tables": "serendip.data.tables",
    "Trending": "serendip.models.trending",
    "UserError": "serendip.errors",
    "UserKNN": "serendip.models.userknn",
    "Weighted": "serendip.models.weighted",
    "ask": "serendip.data.queries",
    "compare": "serendip.service.judge",
    "cross_validate": "serendip.service.judge",
    "data_of": "serendip.service.bring",
    "evaluate": "serendip.service.judge",
    "load": "serendip.service.read",
    "publish": "serendip.service.bring",
    "read": "serendip.service.read",
    "recommend": "serendip.service.recommend",
    "split": "serendip.data.split",
    "tables": "serendip.service.read",
    "tune": "serendip.service.tune",
}


def __getattr__(name: str) -> Any:
    if name not in FACES:
        raise AttributeError(f"serendip has no {name!r}; it has {', '.join(FACES)}")
    return getattr(import_module(FACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*FACES, "__version__"])
