"""Fit an algorithm on everything and publish the model with what stands in for it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.content import Content
from serendip.models.contract import Algorithm, Model, Run, Similar
from serendip.models.itemfeatures import ItemFeatures
from serendip.models.itemknn import ItemKNN
from serendip.models.latentclasses import LatentClasses
from serendip.models.popular import Popular
from serendip.models.served import Served
from serendip.pipeline.onboarding import unit
from serendip.service.golden import asked
from serendip.service.settings import settings_of
from serendip.store.artefacts import about, load, save
from serendip.store.project import Project


def train(
    project: Project, algorithm: Algorithm, data: Dataset, report: Mapping[str, object] | None = None, run: Run = Run()
) -> str:
    """Fit, save and publish; return the version. A model of the same data and hyperparameters is not fitted again.

    Raises:
        UserError: as `fitted`.
    """
    version = fitted(project, algorithm, data, report, run)
    project.publish(version, "trained")
    return version


def fitted(
    project: Project, algorithm: Algorithm, data: Dataset, report: Mapping[str, object] | None = None, run: Run = Run()
) -> str:
    """Fit and save; return the version, which does not serve yet.

    Raises:
        UserError: there is nothing to learn from, or the disk is full; the model that served goes on serving.
    """
    settings = json.loads(json.dumps(algorithm.settings()))  # as model.json gives them back
    asks = settings_of(project).onboarding.questions > 0 or None
    card = {"algorithm": algorithm.name, "hyperparameters": settings, "data": data.fingerprint, "seed": run.seed,
            "compressed": None, "onboarding": asks}  # fmt: skip
    for version in reversed(project.versions()):
        if same(project.model(version), card):
            return version
    served = fit(algorithm, data, run)
    if asks:
        classes = LatentClasses().fit(data, run=Run(seed=run.seed))
        served = replace(served, classes=replace(classes, unit=unit(served.main, classes)))
    version = project.new_version(data.fingerprint)
    save(served, project.model(version), {**card, "report": dict(report or {}), **told(served, data)})
    return version


def told(served: Model, data: Dataset) -> dict[str, object]:
    """Return what model.json says of what was learned from: how many events, until when, and golden requests."""
    last = None if data.timestamp is None else int(data.timestamp.max(initial=0))
    return {"n_events": len(data), "last_event": last, "golden": asked(served, data)}


def same(directory: Path, card: Mapping[str, object]) -> bool:
    """Return whether a whole model of this card is there; one that is damaged is as good as none."""
    try:
        old = about(directory)
        if any(old.get(name) != value for name, value in card.items()):
            return False
        load(directory)
    except UserError:
        return False
    return True


def fit(algorithm: Algorithm, data: Dataset, run: Run) -> Served:
    """Return the fitted algorithm with popular behind it, and something that knows similar items."""
    main = algorithm.fit(data, run=run)
    fallback = main if isinstance(algorithm, Popular) else Popular().fit(data)
    similar: Model | None = None if isinstance(main, Similar) else ItemKNN().fit(data, run=run)
    return Served(data.users, data.items, data.fitted_rules, main, fallback, similar, content_of(main, data))


def content_of(main: Model, data: Dataset) -> ItemFeatures | None:
    """Return the items' attributes as vectors, by which items that come later find their place; None without any."""
    if isinstance(main, ItemFeatures):
        return main
    try:
        return Content().fit(data)
    except UserError:  # there are no attributes, or none that tells items apart
        return None
