"""Names of metrics as users write them: `recall@20`, `rmse`."""

from dataclasses import dataclass

from serendip.errors import UserError, nearest
from serendip.metrics.catalogue import CATALOGUE, Definition


@dataclass(frozen=True)
class Metric:
    """A metric that was asked for: its name in the catalogue and its cutoff, None where it takes none."""

    name: str
    k: int | None = None

    @property
    def definition(self) -> Definition:
        """What the catalogue says of it."""
        return CATALOGUE[self.name]

    @property
    def direction(self) -> int:
        """1 where more is better, -1 where less is, 0 where neither is."""
        return self.definition.direction

    def __str__(self) -> str:
        """Return the name as it is written: `recall@20`."""
        return self.name if self.k is None else f"{self.name}@{self.k}"


def parse(text: str) -> Metric:
    """Read `name` or `name@k`; raises UserError for an unknown name and for a cutoff that is missing, idle or bad."""
    name, at, cutoff = text.strip().lower().partition("@")
    if name not in CATALOGUE:
        raise UserError(f"unknown metric {text.strip()!r}{nearest(name, CATALOGUE)}")
    if not CATALOGUE[name].cutoff:
        if at:
            raise UserError(f"metric {text.strip()!r} takes no cutoff: write {name!r}")
        return Metric(name)
    if not at:
        raise UserError(f"metric {name!r} needs a cutoff: write, for example, '{name}@10'")
    if not (cutoff.isascii() and cutoff.isdigit() and int(cutoff) >= 1):
        raise UserError(f"the cutoff of metric {text.strip()!r} must be a whole number of at least 1")
    return Metric(name, int(cutoff))


def parse_all(text: str) -> tuple[Metric, ...]:
    """Read names separated by commas, in order, each once; raises UserError where there is none."""
    metrics = tuple(dict.fromkeys(parse(part) for part in text.split(",") if part.strip()))
    if not metrics:
        raise UserError("no metric was named: write, for example, 'recall@20,ndcg@20'")
    return metrics
