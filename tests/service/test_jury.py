"""People as judges: sheets that do not say whose is whose, and what comes of the answers."""

import json
from pathlib import Path

import pytest

from serendip.errors import UserError
from serendip.service import jury
from serendip.service.jury import Answer, Answers
from serendip.store.project import Project


@pytest.fixture
def project(shop):
    return Project(Path("project"))


def key_of(project, sheet):
    return json.loads(jury.where(project, sheet.id).read_text())


def test_the_same_seed_draws_the_same_sheet_and_half_of_the_sides_are_swapped(project):
    sheet = jury.drawn(project, "ease", "popular", n=10, k=5, seed=3)
    assert sheet == jury.drawn(project, "ease", "popular", n=10, k=5, seed=3)
    assert sheet.id != jury.drawn(project, "ease", "popular", n=10, k=5, seed=4).id
    key = key_of(project, sheet)
    assert sorted(key["left"]) == ["a"] * 5 + ["b"] * 5
    seen = [{event.title for event in case.history} for case in sheet.cases]
    assert not any(set(case.left + case.right) & titles for case, titles in zip(sheet.cases, seen, strict=True))
    for case, side in zip(sheet.cases, key["left"], strict=True):
        ours, theirs = (case.left, case.right) if side == "a" else (case.right, case.left)
        taste = case.history[1].title[-1]
        assert sum(t.endswith(taste) for t in ours) >= sum(t.endswith(taste) for t in theirs)


def test_the_page_tells_neither_models_nor_users(project):
    sheet = jury.drawn(project, project.versions()[-1], "popular", n=6)
    page = jury.page(sheet)
    assert "popular" not in page and project.versions()[-1] not in page
    assert not any(f'"{user}"' in page for user in key_of(project, sheet)["users"])


def test_answers_are_counted_by_user_and_by_whose_side_it_was(project):
    sheet = jury.drawn(project, "ease", "popular", n=6)
    left = key_of(project, sheet)["left"]
    for_a = ["left" if side == "a" else "right" for side in left]
    for_b = ["right" if side == "a" else "left" for side in left]
    one = Answers(sheet.id, [*(Answer(n, for_a[n]) for n in range(4)), Answer(4, "both", "ok "), Answer(5, "neither")],
                  "Ada")  # fmt: skip
    other = Answers(sheet.id, [Answer(0, for_a[0]), Answer(1, for_b[1], "<b>no</b>"), Answer(4, for_b[4])])
    found = jury.verdict(project, [one, other])
    assert (found.a, found.b, found.both, found.neither, found.judges) == (5, 2, 1, 1, 2)
    assert (found.for_a, found.for_b, found.even) == (3, 1, 2)  # user 1 is even: one judge for each; 5: neither
    assert found.preference.share == 0.75 and found.preference.n == 4
    assert [(r.choice, r.remark, r.judge) for r in found.remarks] == [("both", "ok", "Ada"), ("b", "<b>no</b>", "")]


def test_nobody_counts_twice(project):
    sheet = jury.drawn(project, "ease", "popular", n=3)
    ada, anonymous = Answers(sheet.id, [Answer(1, "left")], "Ada"), Answers(sheet.id, [Answer(1, "left")])
    assert jury.verdict(project, [ada, anonymous, anonymous]).judges == 3
    with pytest.raises(UserError, match="case 1 is answered twice by the judge 'ada'"):
        jury.verdict(project, [ada, Answers(sheet.id, [Answer(0, "both"), Answer(1, "right")], "ada ")])
    with pytest.raises(UserError, match="case 0 is answered twice by one judge"):
        jury.verdict(project, [Answers(sheet.id, [Answer(0, "left"), Answer(0, "right")])])


def test_what_cannot_be_judged_is_said(project, tmp_path):
    with pytest.raises(UserError, match="same slate to all of"):
        jury.drawn(project, "popular", "popular", n=5)
    with pytest.raises(UserError, match="neither a version of a model here nor an algorithm; did you mean 'popular'"):
        jury.drawn(project, "popula", "ease")
    with pytest.raises(UserError, match="nothing was judged"):
        jury.verdict(project, [])
    with pytest.raises(UserError, match="drawn in another project"):
        jury.verdict(project, [Answers("x-y", [Answer(0, "left")])])
    with pytest.raises(UserError, match="different sheets: x, y"):
        jury.verdict(project, [Answers("x", [Answer(0, "left")]), Answers("y", [])])
    sheet = jury.drawn(project, "ease", "popular", n=2)
    with pytest.raises(UserError, match="on case 2 and the sheet has 2"):
        jury.verdict(project, [Answers(sheet.id, [Answer(2, "left")])])
    path = tmp_path / "odd.json"
    path.write_text('{"sheet": "x", "answers": [{"case": 0, "choice": "maybe"}]}')
    with pytest.raises(UserError, match="holds no answers of a judge"):
        jury.read(path)
