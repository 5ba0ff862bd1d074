"""A project that answers: what is live now, and its replacement by another version while requests run."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from serendip.errors import UserError
from serendip.service.catalogue import Catalogue
from serendip.service.live import Live
from serendip.service.open import live, opened
from serendip.store.project import Project

log = logging.getLogger("serendip")


class Serving:
    """Holds the `Live` that answers. A request takes it once, by `answering`; `take_up` swaps it by reference.

    Raises:
        UserError: as `opened`.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.live: Live = opened(project.root)
        self._lock = threading.Lock()

    @property
    def catalogue(self) -> Catalogue:
        """The items as answers show them, of whatever version."""
        return self.live.catalogue

    @contextmanager
    def answering(self) -> Iterator[Live]:
        """Give what answers one request."""
        yield self.live

    def take_up(self, version: str) -> bool:
        """Load a version and let it answer; one that cannot be loaded is refused, and what answered goes on."""
        with self._lock:
            try:
                loaded = live(self.project, version, self.catalogue)
            except UserError as error:
                log.error("model %s is refused, %s goes on: %s", version, self.live.version, error)
                return False
            self.live = loaded
            return True

    def close(self) -> None:
        """Close the store."""
        self.live.store.close()
