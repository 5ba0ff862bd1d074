"""The request that is being answered: its id, and what its answer turned out to be, for logs, metrics and traces."""

import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Asked:
    """One request. stages: name -> ms; client: the name of the key it came with."""

    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    model: str | None = None
    pipeline: str | None = None
    client: str | None = None
    stages: Mapping[str, float] = field(default_factory=dict)


ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)


def request_id() -> str:
    """Return the id of the request that is being answered, a new one where there is none."""
    asked = ASKED.get()
    return uuid.uuid4().hex if asked is None else asked.request_id
