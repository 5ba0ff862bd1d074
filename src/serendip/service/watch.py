"""A thread that looks for a newly published model and lets it take over."""

import os
from typing import ClassVar

from serendip.service.lookout import Lookout
from serendip.service.serving import Serving

EVERY = 0.5  # seconds between two looks


class Watch(Lookout):
    """Looks at models/current, one `stat` a look; loading happens here, so that requests never wait for it."""

    failing: ClassVar[str] = "looking for a new model failed"

    def __init__(self, serving: Serving, every: float = EVERY) -> None:
        super().__init__(every)
        self.serving = serving
        self._seen: tuple[int, int] | None = None

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
