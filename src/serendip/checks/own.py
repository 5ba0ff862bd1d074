"""A class of your own against the contract suite: every broken promise at once, a sentence each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from serendip.adapters.scored import Scored, named
from serendip.checks.contract import CHECKS
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Model, Run

Make = Callable[[Dataset], object]


@dataclass(frozen=True)
class Own(Algorithm):
    """Whatever `make` makes of a data set, an object with `score(queries)`, as an algorithm without hyperparameters."""

    name: ClassVar[str] = "own"
    uses: ClassVar[frozenset[str]] = frozenset()

    make: Make

    def fit(self, data: Dataset, *, run: Run = Run()) -> Model:
        source = self.make(data)
        if isinstance(source, Model):
            return source
        if not callable(getattr(source, "score", None)):
            raise UserError(f"{named(source)} has no score(queries), and the suite asks for scores")
        return Scored(data.users, data.items, data.fitted_rules, source)


def check(own: Algorithm | type[Algorithm] | Make) -> None:
    """Run all promises that `own` makes, and say of each that is broken how.

    own: an algorithm; or a class, or a function, that makes of a `Dataset` an object with `score(queries)`, which is
    asked of data of the suite: it promises to leave data and queries alone, to score each item of each query, the same
    each time and whoever else is asked about, and to bear newcomers, newer items and data of one user or one item.

    Raises:
        AssertionError: promises are broken; a line for each way, with their names.
        UserError: it is nothing of the kind.
    """
    algorithm: Algorithm
    if isinstance(own, Algorithm):
        algorithm = own
    elif isinstance(own, type) and issubclass(own, Algorithm):
        algorithm = own()
    elif callable(own):
        algorithm = Own(own)
    else:
        raise UserError(
            f"{named(own)} is fitted already, and the suite has data of its own: give the class, or a function that "
            "makes such an object of a data set"
        )
    broken: dict[str, list[str]] = {}
    for promise in CHECKS:
        if promise.applies(algorithm) and (promise.scored or not isinstance(algorithm, Own)):
            try:
                promise.run(algorithm)
            except AssertionError as error:
                broken.setdefault(str(error), []).append(promise.name)
    if broken:
        raise AssertionError("\n".join(f"{', '.join(names)}: {sentence}" for sentence, names in broken.items()))
