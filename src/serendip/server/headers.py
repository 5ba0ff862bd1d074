"""Security headers on every answer, and which sites' pages may read them."""

from serendip.server.front import App, Receive, Scope, Send

NOTHING = b"default-src 'none'; frame-ancestors 'none'"
# the reference at /docs starts itself with a script in the page
REFERENCE = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]


class Headers:
    """ASGI: adds the headers; a page that says its own content security policy keeps it."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"] = [*message.get("headers", ()), *ALWAYS]
                there = {name for name, _ in headers}
                if b"content-security-policy" not in there:
                    policy = REFERENCE if scope["path"] in ("/docs", "/redoc") else NOTHING
                    headers.append((b"content-security-policy", policy))
                if b"cache-control" not in there and scope["path"].startswith("/v1/"):
                    headers.append((b"cache-control", b"no-store"))  # it is about somebody, and true for a moment
            await send(message)

        await self.app(scope, receive, with_headers)
