"""`serendip evaluate`: measure algorithms on a training and a test file."""

import os
import signal
import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serendip.evaluation.report import Report

METRICS = "recall@20,ndcg@20,hr@10,mrr@20,map@10"


def command(
    train: Annotated[Path, Option(help="What is learned from: user_id, item_id and, where there is more, value, "
                                  "timestamp, label, context columns. CSV, TSV (both also .gz, .zst) or Parquet.")],
    test: Annotated[Path, Option(help="What is to be foreseen, in the same columns: every row is relevant.")],
    algorithm: Annotated[str, Option(help="Names separated by commas, as popular,ease,als.")],
    history: Annotated[Path | None, Option(help="What the test users bring, in place of their training rows.")] = None,
    items: Annotated[Path | None, Option(help="item_id and attributes; lists are separated by |.")] = None,
    users: Annotated[Path | None, Option(help="user_id and attributes.")] = None,
    candidates: Annotated[Path | None, Option(help="user_id, item_id: each user's list to be ranked, test items "
                                              "among it; a user without a list gets an empty slate.")] = None,
    keep_seen: Annotated[bool, Option("--keep-seen", help="Recommend items of the history again.")] = False,
    weighted: Annotated[bool, Option("--weighted", help="Rows weigh value and type, not 1 each.")] = False,
    set_: Annotated[list[str] | None, Option("--set", metavar="NAME.field=value",
                                             help="A hyperparameter, as ease.l2=300; may be repeated.")] = None,
    metrics: Annotated[str, Option(help="Names separated by commas: recall@20, rmse, auc, coverage@10, ...")] = METRICS,
    by: Annotated[str | None, Option(metavar="COLUMN", help="Report each group of test users too, by a column of "
                                     "--users or of the context, or `history`: how many events they bring.")] = None,
    keep: Annotated[Path | None, Option(help="Write a directory that `serendip reproduce` runs again.")] = None,
    threads: Annotated[int | None, Option(min=1, help="Cores to use at most; all of them by default.")] = None,
    seed: Annotated[int, Option(min=0, help="The same seed, the same result.")] = 0,
    json: Annotated[bool, Option("--json", help="Answer in JSON.")] = False,
) -> None:  # fmt: skip
    if threads is not None:
        hold(threads)
    from serendip.cli.progress import Bar
    from serendip.models.contract import Run
    from serendip.service.evaluate import Files, answer, evaluate
    from serendip.service.runs import empty, keep_evaluation

    if keep is not None:
        empty(keep)  # said before the work
    # Nothing is written that could be left half done, and a factorisation does not return to Python for minutes:
    # Ctrl-C ends the process at once.
    files = Files(train, test, history, items, users, candidates)
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        with Bar() as bar:
            reports = evaluate(
                files, algorithm, metrics, settings=set_ or [],
                keep_seen=keep_seen, weighted=weighted, by=by, run=Run(threads=threads, seed=seed, progress=bar),
                heard=lambda text: print(text, file=sys.stderr, flush=True),
            )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    if keep is not None:
        asked: dict[str, object] = {"algorithm": algorithm, "metrics": metrics, "settings": set_ or [],
                                    "keep_seen": keep_seen, "weighted": weighted, "by": by}  # fmt: skip
        keep_evaluation(keep, files, asked, answer(reports), seed)
    if json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(answer(reports)), indent=2).decode())
    else:
        show(reports, by)


def hold(threads: int) -> None:
    """Keep the process, with all the thread pools that it is still to start, to some of its cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ[name] = str(threads)


def show(reports: "Sequence[Report]", by: str | None) -> None:
    """Print the reports as a table, the best first where there is a baseline to compare with."""
    from rich.console import Console
    from rich.table import Table

    from serendip.evaluation.comparison import leaderboard
    from serendip.evaluation.measured import UserMean
    from serendip.plural import counted

    metrics = list(reports[0].estimates)
    first = metrics[0]
    names = {r.algorithm for r in reports}
    compared = len(names) > 1 and "popular" in names and first.direction != 0
    compared = compared and all(isinstance(r.measured[first], UserMean) for r in reports)
    board = leaderboard(reports, first).standings if compared else ()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("algorithm", no_wrap=True)
    for metric in metrics:
        table.add_column(str(metric), justify="right")
    for title in ("fit s", "evaluate s", "peak MB"):
        table.add_column(title, justify="right")
    for report in [s.report for s in board] or reports:
        cells = [f"{e.mean:.4f}" + (f"\n{e.low:.4f}-{e.high:.4f}" if isfinite(e.low) else "")
                 for e in report.estimates.values()]  # fmt: skip
        table.add_row(report.algorithm, *cells, f"{report.fit_seconds:.1f}", f"{report.evaluate_seconds:.1f}",
                      f"{report.peak_memory_mb:,.0f}")  # fmt: skip
        parts = {"users without history": report.cold} if report.n_cold else {}
        parts |= {
            f"{by} {of}: {counted(group.n_users, 'user')}": group.estimates for of, group in report.groups.items()
        }
        for of, estimates in parts.items():
            means = [f"{e.mean:.4f}" if isfinite(e.mean) else "" for e in estimates.values()]
            table.add_row(f"  {of}", *means, style="dim")
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(table)
    print(
        f"\n{reports[0].n_users:,} test users, {reports[0].n_cold:,} of them without a history; "
        "below each mean its 95% interval (bootstrap)."
    )
    for standing in board:
        if standing.against is not None:
            c = standing.against
            verdict = "beats popular beyond doubt" if standing.beyond_doubt else "is not beyond doubt above popular"
            print(f"{c.name} {verdict}: {first} {c.difference:+.4f} ({c.low:+.4f} to {c.high:+.4f}), "
                  f"p = {c.p_corrected:.4f} (paired by user, Holm's correction).")  # fmt: skip
