"""The models within a model: the children of a hybrid, what stands in, what one is put about."""

from collections.abc import Iterator
from dataclasses import fields

from serendip.models.contract import Model


def within(model: Model) -> Iterator[Model]:
    """Give a model, and each model within it."""
    yield model
    for field in fields(model):
        value = getattr(model, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Model):
                yield from within(part)


def reads_users(model: Model) -> bool:
    """Return whether a model, or one within it, reads the user features of a query."""
    return any(one.reads_users for one in within(model))
