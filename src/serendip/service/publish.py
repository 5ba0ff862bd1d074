"""Publish a model, once it has shown that it can answer; and go back to the one before."""

from serendip.errors import NotFound, UserError
from serendip.service.catalogue import Catalogue
from serendip.service.golden import check
from serendip.service.live import Live
from serendip.service.open import live
from serendip.store.artefacts import about
from serendip.store.project import Project


def proved(project: Project, version: str, catalogue: Catalogue) -> Live:
    """Return a version at work, warm, once it has answered its golden requests.

    Raises:
        UserError: it is damaged, of other ids than the store's, or answers otherwise than when it was fitted.
    """
    loaded = live(project, version, catalogue)
    try:
        check(loaded, about(project.model(version)).get("golden") or [])
    except UserError as error:
        raise UserError(f"model {version}: {error}") from None
    return loaded


def promote(project: Project, version: str, why: str = "promoted") -> None:
    """Let a version serve, once it is proved.

    Raises:
        UserError: there is none of that name, or as `proved`; what serves goes on serving.
    """
    if version not in project.versions():
        project.publish(version)  # says which there are
    with project.store(create=False) as store:
        proved(project, version, Catalogue(store))
    project.publish(version, why)


def rollback(project: Project) -> tuple[str, str]:
    """Let the version serve that served before; return the one that served until now, and the one that does now.

    Raises:
        UserError: there is none before it, or as `proved`.
    """
    current, old = project.current(), project.previous()
    if current is None or old is None:
        raise NotFound(f"no model served before {current or 'this'} in {project.models}: name one to promote")
    promote(project, old, f"rolled back from {current}")
    return current, old
