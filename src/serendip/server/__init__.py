"""The service over HTTP: `create_app(settings)` is an ASGI app; one file a resource, no logic above the services."""

from serendip.server.app import ServerSettings, create_app

__all__ = ["ServerSettings", "create_app"]
