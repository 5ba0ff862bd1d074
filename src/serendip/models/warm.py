"""What the first questions to a model would wait for, made before they come."""

from serendip.models.contract import Model, Warms
from serendip.models.within import within


def warm(model: Model) -> None:
    """Let a model, and each model within it, make what it keeps for questions: indices, transposed weights."""
    for one in within(model):
        if isinstance(one, Warms):
            one.warm()
