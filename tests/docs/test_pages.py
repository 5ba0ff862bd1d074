"""Links lead somewhere, and every page can be reached from the README."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*src=\"([^\"]+)\"")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def links(page: Path) -> list[str]:
    """Return the relative links and images of a page."""
    plain = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = [a or b for a, b in LINK.findall(plain)]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's titles, as GitHub makes them."""
    plain = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} of {page.name} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link} of {page.name}: there is no such title"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, to_see = set[Path](), [ROOT / "README.md"]
    while to_see:
        page = to_see.pop()
        reached.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page) if link[0] != "#"}
        to_see += [t for t in targets if t.suffix == ".md" and t not in reached and t not in to_see]
    left = {page.relative_to(ROOT) for page in PAGES if page not in reached}
    assert not left, f"no link leads to {', '.join(map(str, sorted(left)))}"


def test_every_picture_is_used() -> None:
    used = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert {path for path in (ROOT / "docs" / "img").iterdir()} <= used
