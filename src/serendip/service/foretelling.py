"""Choose by itself what foretells ratings or labels: out of which algorithms, which in the end, how it is judged."""

from dataclasses import replace

from serendip.config import Settings
from serendip.errors import UserError
from serendip.evaluation.comparison import Leaderboard, leaderboard
from serendip.evaluation.report import evaluate
from serendip.metrics.name import Metric
from serendip.models.contract import Algorithm
from serendip.models.fwls import FWLS
from serendip.registry import ALGORITHMS, load
from serendip.service.looking import WORTHWHILE, Looking
from serendip.service.portfolio import Contest
from serendip.service.tune import drawn

JUDGED = 10_000  # users by whom the chosen is judged, at most
LOGLOSS = Metric("logloss")
FORETELLING = {  # what foretells ratings, and labels; the simplest first
    "rating": ("baseline", "svd", "svdpp", "knnbaseline", "nmf", "slopeone", "coclustering", "asvd"),
    "discrimination": ("logistic", "fm", "ffm", "gbt"),
}


def default(name: str) -> Algorithm:
    """Return an algorithm with its defaults."""
    found: Algorithm = load(name, ALGORITHMS, "algorithm")()
    return found


def alone(looking: Looking) -> tuple[Algorithm, Algorithm, float]:
    """Return the best that foretells, which is `fwls` where it adds enough; the best alone; what `fwls` adds.

    Raises:
        UserError: there is nothing to choose from.
    """
    every = sorted(looking.entries, key=lambda e: (-e.share, looking.rank(e)))
    found = [e for e in every if looking.ending([e.algorithm]) < looking.deadline.left] or every[:1]
    if not found:
        raise UserError("the time is too short for a single model: give more minutes")
    best = found[0]
    single = next((e for e in found if not isinstance(e.algorithm, FWLS)), best)
    gain = looking.metric.direction * (best.mean - single.mean) if single.share == best.share else 0.0
    chosen = best if gain >= WORTHWHILE * single.mean else single
    return chosen.algorithm, single.algorithm, gain


def foretold(chosen: Algorithm, outer: Contest, looking: Looking, settings: Settings) -> Leaderboard:
    """Return what the chosen foretells beside what the simplest does, on the part that no choice saw.

    Of labels who leads is told by the log loss, which has a value a user.
    """
    metric = looking.metric
    by = LOGLOSS if metric.definition.kind == "discrimination" else metric
    task = drawn(outer.foretelling(metric), JUDGED, settings.evaluation.seed)
    simplest = default(FORETELLING[metric.definition.kind][0])
    both = {simplest.name: simplest} | {chosen.name: chosen}
    quiet = replace(looking.run, progress=None)
    reports = [evaluate(one, task, tuple(dict.fromkeys([metric, by])), quiet) for one in both.values()]
    return leaderboard(reports, by, baseline=simplest.name, seed=looking.run.seed)
