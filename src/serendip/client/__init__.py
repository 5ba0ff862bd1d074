"""Clients of a server: `Client`, which waits for answers, and `AsyncClient`, which awaits them."""

from serendip.client.asynchronous import AsyncClient
from serendip.client.exchange import Refused, Unanswered
from serendip.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "Refused", "Unanswered"]
