"""A connection's way out: the head of an answer waits for its body, so that one write carries both.

A process that is killed between two writes leaves half an answer, which a proxy in front cannot ask another server for.
"""

import asyncio
from typing import Any


class Transport:
    """What a protocol writes to; all but writing is the loop's own transport."""

    def __init__(self, out: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.out, self.loop, self.head = out, loop, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.out, name)

    def write(self, data: bytes) -> None:
        """Write, but for a head alone, which waits until the loop goes round."""
        if self.head:
            data, self.head = self.head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n"):
            self.head = data
            self.loop.call_soon(self.flush)
            return
        self.out.write(data)

    def flush(self) -> None:
        """Write what waits."""
        if self.head:
            head, self.head = self.head, b""
            self.out.write(head)

    def close(self) -> None:
        """Write what waits, then close."""
        self.flush()
        self.out.close()
