"""Choose by itself what predicts ratings or labels: out of which algorithms, which in the end, how it is judged."""

from dataclasses import replace

from serendip.config import Settings
from serendip.errors import UserError
from serendip.evaluation.comparison import Leaderboard, leaderboard
from serendip.evaluation.report import evaluate
from serendip.metrics.name import Metric
from serendip.models.children import algorithm
from serendip.models.contract import Algorithm
from serendip.models.fwls import FWLS
from serendip.service.looking import Looking
from serendip.service.portfolio import Contest
from serendip.service.tune import drawn

ENOUGH = 0.001  # of the mean, by which fwls has to be better; no weight of it was learned where it is judged
JUDGED = 10_000  # users by whom the chosen is judged, at most
LOGLOSS = Metric("logloss")
PREDICTORS = {  # what predicts ratings, and labels; the simplest first
    "rating": ("baseline", "svd", "svdpp", "knnbaseline", "nmf", "slopeone", "coclustering", "asvd"),
    "discrimination": ("logistic", "fm", "ffm", "gbt"),
}


def alone(looking: Looking) -> tuple[Algorithm, Algorithm, float]:
    """Return the best that predicts, which is `fwls` where it adds enough; the best alone; what `fwls` adds.

    Raises:
        UserError: there is nothing to choose from.
    """
    if not looking.entries:
        raise UserError("the time is too short for a single model: give more minutes")
    most = max(e.share for e in looking.entries)
    every = sorted((e for e in looking.entries if e.share == most), key=looking.rank)
    soon = [e for e in every if looking.ending([e.algorithm]) < looking.deadline.left]
    found = soon or [min(every, key=lambda e: e.seconds)]
    best = found[0]
    single = next((e for e in found if not isinstance(e.algorithm, FWLS)), best)
    gain = looking.metric.direction * (best.mean - single.mean)
    chosen = best if gain >= ENOUGH * single.mean else single
    return chosen.algorithm, single.algorithm, gain


def predicted(chosen: Algorithm, outer: Contest, looking: Looking, settings: Settings) -> Leaderboard:
    """Return what the chosen predicts beside what the simplest does, on the part that no choice saw.

    Of labels who leads is told by the log loss, which has a value a user.
    """
    metric = looking.metric
    by = LOGLOSS if metric.definition.kind == "discrimination" else metric
    task = drawn(outer.predicting(metric), JUDGED, settings.evaluation.seed)
    simplest = algorithm(PREDICTORS[metric.definition.kind][0])
    both = {simplest.name: simplest} | {chosen.name: chosen}
    quiet = replace(looking.run, progress=None)
    reports = [evaluate(one, task, tuple(dict.fromkeys([metric, by])), quiet) for one in both.values()]
    return leaderboard(reports, by, baseline=simplest.name, seed=looking.run.seed)
