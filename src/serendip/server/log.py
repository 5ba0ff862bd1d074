"""The log: one line of JSON for each thing worth saying, without ids of people, keys or query strings."""

import json
import logging
import os
import time
import traceback
from types import TracebackType
from typing import TextIO

log = logging.getLogger("serendip")
LOGGERS = ("serendip", "uvicorn", "uvicorn.error", "opentelemetry")


class Line(logging.Formatter):
    """A record as one line of JSON. A fault is told by its type and where it arose: its message may name somebody."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said = {"time": f"{at}.{int(record.msecs):03d}Z", "level": record.levelname.lower(), "pid": os.getpid()}
        about = getattr(record, "about", None)
        said |= about if isinstance(about, dict) else {"event": "message", "message": record.getMessage()}
        if record.exc_info and record.exc_info[0] is not None:
            said |= {"error": record.exc_info[0].__name__, "where": where(record.exc_info[2])}
        return json.dumps(said, ensure_ascii=False)


def where(trace: TracebackType | None) -> list[str]:
    """Return where a fault arose, the innermost place last, without what was at hand there."""
    return [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(trace)[-8:]]


def to(stream: TextIO | None = None, *, requests: bool) -> None:
    """Write the log of this process to a stream, stderr by default; `requests`: a line a request too."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Line())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if requests and logger is log else logging.WARNING)
