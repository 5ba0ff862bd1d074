"""`serendip serve`: answer over HTTP."""

from typing import Annotated

from typer import Option

from serendip.cli.options import HERE, ProjectOption


def command(
    project: ProjectOption = HERE,
    host: Annotated[
        str | None, Option(help="Address to listen on: loopback only; serendip.toml's where not given.")
    ] = None,
    port: Annotated[int | None, Option(min=1, max=65535, help="Port; serendip.toml's where not given.")] = None,
) -> None:
    import ipaddress
    import socket

    import uvicorn

    from serendip.errors import UserError
    from serendip.server import ServerSettings, create_app
    from serendip.service.settings import settings_of
    from serendip.store.project import Project

    serving = settings_of(Project(project)).serving
    host, port = host or serving.host, port or serving.port
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise UserError(f"{host!r} is no address to listen on: 127.0.0.1 is") from None
    if not loopback:
        raise UserError(f"without keys the server listens on loopback only, as 127.0.0.1, not on {host}")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise UserError(f"port {port} of {host} is in use: choose another with --port") from None
    app = create_app(ServerSettings(project, serving.k))
    print(
        f"Serving on http://{host}:{port}/ (the API is described at http://{host}:{port}/docs); Ctrl-C stops.",
        flush=True,
    )
    uvicorn.run(app, host=host, port=port, log_level="warning")
