"""Pages that need nothing else: one style sheet, charts as SVG inside."""

from collections.abc import Mapping
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup


def rendered(template: str, values: Mapping[str, object]) -> str:
    """Return a page as HTML: one of the templates in `pages`, with values; text is escaped, Markup is not."""
    pages = files("serendip.service").joinpath("pages")
    source = pages.joinpath(template).read_text(encoding="utf-8")
    style = Markup(pages.joinpath("style.css").read_text(encoding="utf-8"))
    made = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(source)
    return made.render({**values, "style": style})
