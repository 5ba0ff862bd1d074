"""`serendip judge`: people say which of two models' slates is better, without knowing whose is whose."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, KOption, ProjectOption, SeedOption, ThreadsOption
from serendip.plural import counted

if TYPE_CHECKING:
    from serendip.service.jury import Answers, Case, Choice, Sheet, Verdict

KEYS: "dict[str, Choice]" = {
    "1": "left",
    "l": "left",
    "2": "right",
    "r": "right",
    "3": "both",
    "b": "both",
    "4": "neither",
    "n": "neither",
}


def command(
    models: Annotated[list[str] | None, Argument(metavar="[MODEL MODEL]", help="Two versions of the project's models, "
                      "or names of algorithms, which are fitted now.")] = None,
    users: Annotated[int, Option(min=1, max=1000, help="How many users are drawn.")] = 20,
    page: Annotated[Path | None, Option(help="Write a page to send to judges (.html); nothing is asked here.")] = None,
    answers: Annotated[list[Path] | None, Option(help="A file that came back from a judge; may be repeated.")] = None,
    k: KOption = 10,
    project: ProjectOption = HERE,
    threads: ThreadsOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:  # fmt: skip
    import msgspec

    from serendip.cli.progress import Bar
    from serendip.errors import UserError
    from serendip.models.contract import Run
    from serendip.service import jury
    from serendip.service.whole import write_whole
    from serendip.store.project import Project

    place, named = Project(project), models or []
    if answers:
        if named:
            raise UserError("name models to be judged, or answers to be counted, not both")
        found = jury.verdict(place, [jury.read(path) for path in answers])
    else:
        if len(named) != 2:
            raise UserError("name two models: serendip judge MODEL MODEL; or count answers: --answers FILE")
        with Bar() as bar:
            sheet = jury.drawn(place, *named, n=users, k=k, seed=seed,
                               run=Run(threads=threads, seed=seed, progress=bar))  # fmt: skip
        if page is not None:
            write_whole(page, jury.page(sheet))
            print(f"{page}: {counted(len(sheet.cases), 'user')}, {sheet.alike} more had the same slate from both. Send "
                  f"it; count what comes back with: serendip judge --answers FILE --project {project}")  # fmt: skip
            return
        found = jury.verdict(place, [asked(sheet)])
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()) if json else told(found)


def asked(sheet: "Sheet") -> "Answers":
    """Lay the cases before whoever sits at the terminal, until q; return the answers."""
    from serendip.service.jury import Answer, Answers

    said: list[Answer] = []
    for n, case in enumerate(sheet.cases):
        laid(case, n, len(sheet.cases))
        while True:
            line = answered("Which would they rather have? 1 left, 2 right, 3 both, 4 neither, q to end: ")
            word = line.strip().lower()
            if not line or word in ("q", "quit"):
                return Answers(sheet.id, said)
            choice = KEYS.get(word[:1])
            if choice is not None:
                break
        remark = answered("A remark, or Enter: ").strip()
        ends = remark.lower() in ("q", "quit")
        said.append(Answer(n, choice, "" if ends else remark))
        if ends:
            break
    return Answers(sheet.id, said)


def answered(question: str) -> str:
    """Return the line that is typed; empty where there are no more."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()


def laid(case: "Case", n: int, of: int) -> None:
    """Print a case: what somebody did last, and the two slates."""
    from itertools import zip_longest

    from rich.text import Text

    from serendip.cli.tables import console, shown, stars, table

    last = "; ".join(f"{shown(event.title)}{stars(event)}" for event in case.history)
    print(f"\n{n + 1} of {of}. They last chose: {last}")
    made = table(("", "right"), ("left", "left"), ("right", "left"))
    for place, (left, right) in enumerate(zip_longest(case.left, case.right, fillvalue=""), 1):
        made.add_row(str(place), Text(shown(left)), Text(shown(right)))
    console().print(made)


def told(found: "Verdict") -> None:
    """Print what the judges said."""
    from serendip.cli.tables import console, shown, table

    made = table(("", "left"), ("answers", "right"), ("users", "right"))
    made.add_row(found.model_a, str(found.a), str(found.for_a))
    made.add_row(found.model_b, str(found.b), str(found.for_b))
    made.add_row("both", str(found.both), "")
    made.add_row("neither", str(found.neither), "")
    made.add_row("even", "", str(found.even))
    console().print(made)
    p = found.preference
    if p.share is None or p.p is None or p.low is None or p.high is None:
        print("No user was decided for one of them.")
    else:
        certain = "beyond doubt" if p.beyond_doubt else "not beyond doubt"
        ahead = found.model_a if p.share > 0.5 else found.model_b if p.share < 0.5 else "neither"
        print(f"{found.model_a} was preferred for {p.share:.0%} of {counted(p.n, 'decided user')} ({p.low:.0%} to "
              f"{p.high:.0%}); sign test p = {p.p:.4f}: {ahead} is ahead, {certain}.")  # fmt: skip
    if found.alike:
        print(f"{counted(found.alike, 'more user')} of those drawn had the same slate from both.")
    for one in found.remarks:
        who = f", {shown(one.judge)}" if one.judge else ""
        choice = {"a": found.model_a, "b": found.model_b}.get(one.choice, one.choice)
        print(f"- user {shown(one.user_id)} ({choice}{who}): {shown(one.remark)}")
