"""A thread that looks for a newly published model and lets it take over."""

import logging
import os
import threading

from serendip.service.serving import Serving

log = logging.getLogger("serendip")
EVERY = 0.5  # seconds between two looks


class Watch(threading.Thread):
    """Looks at models/current, one `stat` a look; loading happens here, so that requests never wait for it."""

    def __init__(self, serving: Serving, every: float = EVERY) -> None:
        super().__init__(name="watch", daemon=True)
        self.serving, self.every = serving, every
        self._stop_asked = threading.Event()
        self._seen: tuple[int, int] | None = None

    def run(self) -> None:
        while not self._stop_asked.wait(self.every):
            try:
                self.look()
            except Exception as error:  # a look that fails is no reason never to look again
                log.error("looking for a new model failed: %s: %s", type(error).__name__, error)

    def look(self) -> None:
        """Take up what is published, if that has changed since the last look."""
        project = self.serving.project
        try:
            now = os.stat(project.models / "current")
        except FileNotFoundError:
            return
        if (now.st_mtime_ns, now.st_ino) == self._seen:
            return
        version = project.current()
        if version is not None:
            self.serving.take_up(version)
        self._seen = now.st_mtime_ns, now.st_ino

    def stop(self) -> None:
        """End after the look that is under way, which is waited for."""
        self._stop_asked.set()
        self.join()
