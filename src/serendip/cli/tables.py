"""How leaderboards and slates look on a terminal."""

import math
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from serendip.plural import counted

if TYPE_CHECKING:
    from serendip.service.answer import Event, Explanation, Slate
    from serendip.service.compare import Compared


def console() -> Console:
    """Return the terminal, or wide plain text where the output is piped."""
    return Console() if sys.stdout.isatty() else Console(width=160)


def table(*columns: tuple[str, str], title: str = "") -> Table:
    """Return a table without lines; each column has a heading and left or right."""
    made = Table(box=None, pad_edge=False, header_style="bold", title=title or None, title_justify="left")
    for heading, side in columns:
        made.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    return made


def shown(text: str) -> str:
    """Return a text of the data's as a terminal may have it: on one line, and no command to the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def leaderboard(compared: "Compared") -> None:
    """Print the models in order with intervals, what was left out and which was chosen."""
    board = compared.board
    metrics, n = list(board.standings[0].report.estimates), board.standings[0].report
    for sentence in compared.warnings:
        print(sentence)
    judged = f"{counted(n.n_users, 'user')} ({n.n_cold:,} without a history)"
    print(f"Judged on {judged}, split: {compared.contest.parts.name}.\n")
    first = ("algorithm", "left"), (str(metrics[0]), "right"), ("95% interval", "right"), ("beats popular", "left")
    made = table(*first, *((str(m), "right") for m in metrics[1:]), ("fit s", "right"))
    for standing in board.standings:
        e = standing.report.estimates
        main = e[metrics[0]]
        made.add_row(standing.report.algorithm, f"{main.mean:.4f}", f"{main.low:.4f}-{main.high:.4f}", standing.verdict,
                     *(figure(e[m].mean) for m in metrics[1:]), f"{standing.report.fit_seconds:.2f}")  # fmt: skip
    console().print(made)
    for sentence in compared.findings:
        print(sentence)
    print(f"\n{compared.verdict}")


def figure(value: float) -> str:
    """Return a mean as a cell, `-` where there was nothing to take it of."""
    return "-" if math.isnan(value) else f"{value:.4f}"


def slate(answer: "Slate", newcomer: str = "A newcomer") -> None:
    """Print a slate with titles and reasons, after what its reader did last; `newcomer`: who has no id."""
    who = f"User {shown(answer.user_id)}" if answer.user_id is not None else newcomer
    if answer.history:
        last = "; ".join(f"{shown(e.title)}{stars(e)}" for e in answer.history[:4])
        print(f"{who}, last: {last}")
    else:
        strange = answer.user_id is not None and not answer.known
        print(f"{who}{', nobody we know: what a newcomer gets' if strange else ''}")
    if not answer.items:
        print("Nothing is left to recommend: every item that the model knows is in the history.")
        return
    made = table(("", "right"), ("item", "left"), ("title", "left"), ("score", "right"), ("why", "left"))
    for n, item in enumerate(answer.items):
        made.add_row(str(n + 1), Text(shown(item.item_id)), Text(shown(item.title)), f"{item.score:.3f}",
                     Text(shown(item.reason)))  # fmt: skip
    console().print(made)


def trace(answer: "Slate") -> None:
    """Print what each stage of a pipeline left out, and why."""
    made = table(("stage", "left"), ("left", "right"), ("dropped", "right"), ("why", "left"), ("ms", "right"))
    for stage in answer.trace or []:
        made.add_row(stage.stage, f"{stage.kept:,}", "", "", f"{stage.ms:.2f}")
        for one in stage.dropped:
            made.add_row("", "", f"{one.count:,}", Text(shown(one.reason)), "")
    console().print(made)


def stars(event: "Event") -> str:
    """Return what a rating was, in brackets."""
    return f" ({event.value:g})" if event.value is not None and event.type in ("rating", "review") else ""


def explanation(answer: "Explanation", most: int = 10) -> None:
    """Print the contributions to a score."""
    score = "no score" if answer.score is None else f"score {answer.score:.4f}"
    why = f": {answer.reason}" if answer.reason else "."
    print(shown(f"{answer.title} ({answer.item_id}) for user {answer.user_id}, {score}{why}"))
    if answer.left_out:
        print(shown(f"It is in none of their slates now: {answer.left_out}."))
    made = table(("part", "right"), ("item", "left"), ("title", "left"))
    for part in answer.contributions[:most]:
        made.add_row(f"{part.weight:+.4f}", Text(shown(part.item_id or "")), Text(shown(part.title or part.reason)))
    rest = sum(part.weight for part in answer.contributions[most:])
    if len(answer.contributions) > most:
        made.add_row(f"{rest:+.4f}", "", f"{counted(len(answer.contributions) - most, 'smaller part')}")
    if answer.contributions:
        console().print(made)
