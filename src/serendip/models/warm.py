"""What the first questions to a model would wait for, made before they come."""

from dataclasses import fields

from serendip.models.contract import Model, Warms


def warm(model: Model) -> None:
    """Let a model, and each model within it, make what it keeps for questions: indices, transposed weights."""
    if isinstance(model, Warms):
        model.warm()
    for field in fields(model):
        value = getattr(model, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Model):
                warm(part)
