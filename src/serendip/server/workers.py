"""One process that answers, or several behind one socket: each maps the same model files, so that they share them."""

import gc
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from prometheus_client.multiprocess import mark_process_dead

from serendip.errors import UserError
from serendip.server import log
from serendip.server.app import ServerSettings, create_app
from serendip.server.shed import protocol

DRAIN = 5  # seconds that requests under way have, once the server is to stop
SOON = 2.0  # seconds: a worker that ends sooner than this after its start is started again only after a pause
TURN = 0.001  # seconds that an answer waits for a thread that computes, before it has its turn
SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOPPED = 3  # status of a worker that cannot start, and would not the next time either


def run(settings: ServerSettings, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Answer in this process until a signal says to stop; `ready` is called once requests can be taken.

    Raises:
        UserError: the project cannot be opened.
    """
    log.to(requests=settings.requests)
    app = create_app(settings)
    gc.collect()
    gc.freeze()  # a collection while requests wait does not look at all that is there by now
    sys.setswitchinterval(TURN)
    ready()
    config = uvicorn.Config(
        app, http=protocol(settings.waiting), log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=DRAIN,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


class Workers:
    """n processes forked from this one, which has imported everything and started no thread; one that dies is replaced.

    SIGTERM and Ctrl-C let each drain; where this process dies, they drain, too.
    """

    def __init__(self, settings: ServerSettings, listening: socket.socket, n: int) -> None:
        self.settings, self.listening, self.n = settings, listening, n
        self.started: dict[int, float] = {}  # process id -> when
        self.stopping: int | None = None  # the signal
        self.alive = os.pipe()  # its writing end closes with this process

    def run(self, ready: Callable[[], None]) -> None:
        """Start them, and return when the last has ended.

        Raises:
            UserError: they cannot start.
        """
        gc.collect()
        gc.freeze()  # what is shared now is not written to by a collection
        first = os.pipe()
        handlers = {number: signal.signal(number, self.stop) for number in SIGNALS}
        for _ in range(self.n):
            self.start(first[1])
        os.close(first[1])
        if os.read(first[0], 1):
            ready()
        os.close(first[0])
        failed = self.tend()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if self.settings.shared is not None:
            shutil.rmtree(self.settings.shared, ignore_errors=True)
        if failed:
            raise UserError("the workers could not start, for the reason above")
        if self.stopping is not None:
            signal.raise_signal(self.stopping)

    def tend(self) -> bool:
        """Wait for workers to end, and replace those that were not meant to; return whether they cannot start."""
        failed = False
        while self.started:
            pid, status = os.wait()
            began = self.started.pop(pid, None)
            if began is None:
                continue
            if self.settings.shared is not None:
                mark_process_dead(pid, str(self.settings.shared))  # type: ignore[no-untyped-call]
            if os.waitstatus_to_exitcode(status) == STOPPED:
                failed = True
                self.stop(signal.SIGTERM)
            elif self.stopping is None:
                print(f"serendip: worker {pid} ended by itself and is replaced", file=sys.stderr, flush=True)
                if time.monotonic() - began < SOON:
                    time.sleep(SOON)
                self.start()
        return failed

    def stop(self, number: int, frame: FrameType | None = None) -> None:
        """Let every worker drain."""
        self.stopping = number
        for pid in self.started:
            os.kill(pid, signal.SIGTERM)

    def start(self, ready: int | None = None) -> None:
        """Fork one worker; it writes a byte to `ready` once it can take requests."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # none may meet the parent's handlers in the child
        pid = None if self.stopping else os.fork()
        if pid != 0:
            if pid is not None:
                self.started[pid] = time.monotonic()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            return
        code = STOPPED
        try:
            signal.set_wakeup_fd(-1)  # it is the parent's
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal every process gets it: the parent says stop
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            os.close(self.alive[1])
            threading.Thread(target=self.orphaned, daemon=True).start()
            run(self.settings, self.listening, lambda: told(ready))
            code = 0
        except UserError as error:
            print(f"serendip: {error}", file=sys.stderr, flush=True)
        except BaseException as error:
            print(f"serendip: a worker failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            code = 1
        finally:
            os._exit(code)

    def orphaned(self) -> None:
        """Drain where the parent has died."""
        os.read(self.alive[0], 1)
        os.kill(os.getpid(), signal.SIGTERM)


def told(ready: int | None) -> None:
    """Say through a pipe, if there is one, that requests can be taken."""
    if ready is not None:
        os.write(ready, b".")
