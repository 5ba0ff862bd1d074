"""Recommender systems from raw feedback to served slates.

What a notebook needs is here by name and loaded when it is used:

>>> import serendip
>>> serendip.EASE(l2=100.0).settings()
{'l2': 100.0}
"""

from importlib import import_module
from typing import Any

from serendip.errors import nearest
from serendip.registry import ALGORITHMS

__version__ = "0.1.0"

FACES = {
    "AsyncClient": "serendip.client",
    "Client": "serendip.client",
    "Dataset": "serendip.data.dataset",
    "InteractionRules": "serendip.data.interactions",
    "Pipeline": "serendip.pipeline.pipeline",
    "Run": "serendip.models.contract",
    "Tables": "serendip.data.tables",
    "UserError": "serendip.errors",
    "ask": "serendip.data.queries",
    "compare": "serendip.service.judge",
    "cross_validate": "serendip.service.judge",
    "data_of": "serendip.service.bring",
    "evaluate": "serendip.service.judge",
    "load": "serendip.service.read",
    "load_split": "serendip.service.read",
    "predict": "serendip.service.predict",
    "publish": "serendip.service.bring",
    "read": "serendip.service.read",
    "recommend": "serendip.service.recommend",
    "split": "serendip.data.split",
    "tables": "serendip.service.read",
    "tune": "serendip.service.tune",
} | {name: module for module, _, name in (where.partition(":") for where in ALGORITHMS.values())}


def __getattr__(name: str) -> Any:
    if name not in FACES:
        raise AttributeError(f"serendip has no {name!r}{nearest(name, FACES)}")
    return getattr(import_module(FACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*FACES, "__version__"])
