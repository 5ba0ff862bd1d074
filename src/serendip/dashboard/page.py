"""The page at /: anyone's history beside their slate, and a newcomer's slate as it grows."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

page = APIRouter(include_in_schema=False)
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


def read(name: str) -> str:
    """Return a file of this folder."""
    return files("serendip.dashboard").joinpath(name).read_text(encoding="utf-8")


@page.get("/")
async def show() -> HTMLResponse:
    """Return the page."""
    return HTMLResponse(read("page.html"), headers={"Content-Security-Policy": POLICY})


@page.get("/page.js")
async def script() -> Response:
    """Return the page's script."""
    return Response(read("page.js"), media_type="text/javascript")


@page.get("/page.css")
async def style() -> Response:
    """Return the page's style."""
    return Response(read("page.css"), media_type="text/css")
