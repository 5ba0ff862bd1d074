"""Bring a model of your own into a project: learn from what its models learn from, and let it serve."""

from pathlib import Path

from serendip.adapters.scored import named
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.contract import Model, Similar
from serendip.models.itemknn import ItemKNN
from serendip.models.popular import Popular
from serendip.models.served import Served
from serendip.service.open import check_ids
from serendip.service.publish import promote
from serendip.service.settings import learned, settings_of
from serendip.service.train import told
from serendip.store.artefacts import save
from serendip.store.project import Project


def data_of(project: str | Path) -> Dataset:
    """Return what the models of a project learn from: its events under its rules.

    Raises:
        UserError: there is no project, or it has no events.
    """
    place = Project(Path(project))
    with place.store(create=False) as store:
        return learned(store, settings_of(place))


def publish(model: Model, project: str | Path, *, name: str = "") -> str:
    """Keep a model of your own in a project and let it serve, with popular behind it; return the version.

    name: what it is called in lists, its shape where none is given. It has to be of a shape that can be kept: what the
    adapters of implicit and Keras give, Surprise's SVD, nearest neighbours, and all that our algorithms give.

    Raises:
        UserError: it lives in this process alone, or it was fitted on other ids than the project's.
    """
    place = Project(Path(project))
    with place.store(create=False) as store:
        check_ids(model, store, "here")
        data = learned(store, settings_of(place))
    called = name or named(model)
    similar = None if isinstance(model, Similar) else ItemKNN().fit(data)
    served = Served(model.users, model.items, model.rules, model, Popular().fit(data), similar)
    version = place.new_version(data.fingerprint)
    try:
        save(served, place.model(version), {"algorithm": called, "own": True, "hyperparameters": {},
             "data": data.fingerprint, "report": {}, **told(served, data)})  # fmt: skip
    except TypeError:
        raise UserError(
            f"{called} lives in this process alone and cannot be kept: it is evaluated and recommends from Python; "
            "what a project serves is of arrays, as serendip.adapters.implicit and keras make them"
        ) from None
    promote(place, version, "brought")
    return version
