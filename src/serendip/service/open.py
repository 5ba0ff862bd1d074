"""Open a project for answering: its store and a model version."""

from pathlib import Path

import numpy as np

from serendip.errors import UserError
from serendip.models.contract import Model
from serendip.models.served import Served
from serendip.pipeline.pipeline import Pipeline
from serendip.service.catalogue import Catalogue
from serendip.service.live import Live
from serendip.service.settings import excluded, settings_of
from serendip.service.surfaces import surfaces
from serendip.store.artefacts import load
from serendip.store.project import Project
from serendip.store.store import Store


def opened(root: Path) -> Live:
    """Return what answers in a project's folder.

    Raises:
        UserError: there is no store or no published model, or the model is of other ids than the store's.
    """
    project = Project(root)
    store = project.store(create=False)
    version = project.current()
    if version is None:
        raise UserError(f"{root} has no model yet: make one with `serendip run FILE` or `serendip train ALGORITHM`")
    return live(project, version, Catalogue(store))


def live(project: Project, version: str, catalogue: Catalogue) -> Live:
    """Return a version at work on a store that is open.

    Raises:
        UserError: there is no such model, it is damaged, or it is of other ids than the store's.
    """
    store, settings = catalogue.store, settings_of(project)
    model = load(project.model(version))
    check_ids(model, store, version)
    banned = excluded(store, settings)
    static = store.items().index(list(dict.fromkeys(settings.serving.static)))
    static = static[(static >= 0) & ~np.isin(static, banned)].astype(np.int32)
    main, fallback, similar = (
        (model.main, model.fallback, model.similar) if isinstance(model, Served) else (model, None, None)
    )
    pipeline = Pipeline(main, fallback, banned[banned < model.n_items], static)
    content, classes = (model.content, model.classes) if isinstance(model, Served) else (None, None)
    named = surfaces(project, settings, store, version)
    return Live(store, version, pipeline, similar or main, catalogue, named, content, classes)


def check_ids(model: Model, store: Store, version: str) -> None:
    """Raise a UserError where an index of the model means someone else in the store, but for users who were erased."""
    for ours, theirs, but, what in (
        (model.users.series, store.users().series, store.erased(), "users"),
        (model.items.series, store.items().series, np.empty(0, np.int32), "items"),
    ):
        n = len(ours)
        other = np.flatnonzero((ours != theirs.head(n)).to_numpy()) if n <= len(theirs) else np.array([-1])
        if len(np.setdiff1d(other, but)):
            raise UserError(f"model {version} was fitted on other {what} than this store holds: fit it again here")
