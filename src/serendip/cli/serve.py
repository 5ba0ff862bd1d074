"""`serendip serve`: answer over HTTP."""

from typing import Annotated

from typer import Option

from serendip.cli.options import HERE, ProjectOption


def command(
    project: ProjectOption = HERE,
    host: Annotated[
        str | None, Option(help="Address to listen on: loopback only; serendip.toml's where not given.")
    ] = None,
    port: Annotated[
        int | None, Option(min=0, max=65535, help="Port, 0 for any that is free; serendip.toml's where not given.")
    ] = None,
    workers: Annotated[int, Option(min=1, max=64, help="How many processes answer; they share the models.")] = 1,
    log: Annotated[
        str | None, Option(help="requests: a line of JSON each; faults: those alone; serendip.toml's where not given.")
    ] = None,
) -> None:
    import errno
    import ipaddress
    import os
    import socket
    import tempfile
    from pathlib import Path

    # requests run side by side: threads of the linear algebra would wait for each other in each of them
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")

    from serendip.errors import UserError, nearest
    from serendip.service.keys import listed
    from serendip.service.settings import settings_of
    from serendip.store.project import Project

    place = Project(project)
    serving = settings_of(place).serving
    host, port, log = host or serving.host, serving.port if port is None else port, log or serving.log
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise UserError(f"{host!r} is no address to listen on: 127.0.0.1 is") from None
    if not loopback and not listed(place):
        raise UserError(
            f"without a key the server listens on loopback only, as 127.0.0.1, not on {host}: make one with "
            "`serendip keys create NAME --scope read`"
        )
    if log not in (told := ("requests", "faults")):
        raise UserError(f"--log is one of {', '.join(told)}, not {log!r}{nearest(log, told)}")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise UserError(f"{host}:{port} cannot be listened on: {error.strerror}") from None
        raise UserError(f"port {port} of {host} is in use: choose another with --port") from None
    where = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"

    def ready() -> None:
        print(f"Serving on {where} (the API is described at {where}docs); Ctrl-C stops.", flush=True)

    shared = Path(tempfile.mkdtemp(prefix="serendip-")) if workers > 1 else None  # gone with the last worker
    if shared is not None:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shared)  # read when the metrics are declared

    from serendip.server import ServerSettings
    from serendip.server.workers import Workers, run

    origins = tuple(origin.rstrip("/") for origin in serving.origins)
    app = ServerSettings(project, serving.k, origins, log == "requests", serving.traces, shared, serving.waiting)
    with listening:
        if workers == 1:
            run(app, listening, ready)
        else:
            Workers(app, listening, workers).run(ready)
