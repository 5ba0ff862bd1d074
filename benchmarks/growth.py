"""How time and memory of a fit grow, one axis at a time: `make bench-growth`, or `python benchmarks/growth.py`.

Axes: interactions (power laws, seeded; users grow with them, items stay), factors, and for EASE items. Each point is a
process of its own with two threads. A point whose predecessors say that it would take over ten minutes, or more memory
than there is, is skipped, and that is kept too. Rows go to growth.jsonl as they are done, so that a run that was cut
off goes on; `--minutes` ends it in time, `--smallest N` takes only the first N points of each line, `--again` begins
anew, `--page` only writes docs/growth.md from what is kept.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from jobs.job import THREADS
from section import machine, write_section
from settle import settled

HERE = Path(__file__).parent
KEPT, PAGE, PICTURES = HERE / "growth.jsonl", HERE.parent / "docs" / "growth.md", HERE.parent / "docs" / "img"
LIMIT = 600.0  # seconds of a point
REPEATS, ENOUGH = 3, 20.0  # a point is fitted so often, or until so many seconds have gone
EVENTS = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 25_000_000, 50_000_000)
FACTORS = (16, 32, 64, 128, 256, 512, 1024)
ITEMS = (1_000, 2_000, 4_000, 8_000, 16_000, 24_000)
A_USER, CATALOGUE, FIXED, RANK = 100, 20_000, 3_000_000, 64  # what stays while another axis moves
AXES = {"interactions": EVENTS, "factors": FACTORS, "items": ITEMS}


@dataclass(frozen=True)
class Line:
    """One algorithm along one axis; what: of which a point tells the time."""

    name: str
    axis: str
    what: str

    @property
    def points(self) -> tuple[int, ...]:
        return AXES[self.axis]


WHAT = {"als exact": "one epoch", "als cg": "one epoch", "als subspace": "one epoch", "svd": "four epochs",
        "bpr": "four epochs", "itemknn": "the fit", "top 10": "all users' slates", "ease": "the fit"}  # fmt: skip
LINES = [
    *(Line(name, "interactions", WHAT[name]) for name in WHAT),
    *(Line(name, "factors", WHAT[name]) for name in WHAT if name not in ("itemknn", "ease")),
    Line("ease", "items", WHAT["ease"]),
]


def job(name: str, axis: str, x: int) -> Callable[[], object]:
    """Return the fit of a point, its data made."""
    from jobs.sets import dataset
    from synthetic import power_law

    from serendip.kernels.topk import topk_dot
    from serendip.models.als import ALS
    from serendip.models.bpr import BPR
    from serendip.models.contract import Algorithm, Run
    from serendip.models.ease import EASE
    from serendip.models.itemknn import ItemKNN
    from serendip.models.svd import SVD

    events, rank = (x if axis == "interactions" else FIXED), (x if axis == "factors" else RANK)
    n_items = x if axis == "items" else ITEMS[3] if name == "ease" else CATALOGUE
    n_users = max(events // A_USER, 4 * events // n_items)
    if name == "top 10":
        random = np.random.default_rng(0)
        p, q = (random.standard_normal((n, rank), np.float32) for n in (n_users, n_items))
        q *= np.exp(0.5 * random.standard_normal((n_items, 1), np.float32))
        tie = random.permutation(n_items).astype(np.int32)
        return lambda: topk_dot(p, q, None, 10, tie, threads=THREADS)
    rated = name == "svd"
    data = dataset(power_law(n_users, n_items, events), rated=rated)
    algorithms: dict[str, Algorithm] = {
        "als exact": ALS(rank=rank, epochs=1, solver="cholesky"),
        "als cg": ALS(rank=rank, epochs=1, solver="cg"),
        "als subspace": ALS(rank=rank, epochs=1, solver="subspace"),
        "svd": SVD(rank=rank, epochs=4),
        "bpr": BPR(rank=rank, epochs=4),
        "itemknn": ItemKNN(),
        "ease": EASE(),
    }
    return lambda: algorithms[name].fit(data, run=Run(threads=THREADS))


def point(name: str, axis: str, x: int) -> dict[str, float]:
    """Return the median seconds of a fit, and the MB (10^6 bytes) that it added to the process at its peak."""
    from serendip.evaluation.memory import PeakMemory

    fit = job(name, axis, x)
    before = settled()
    times: list[float] = []
    with PeakMemory() as peak:
        while len(times) < REPEATS and sum(times) < ENOUGH:
            began = time.perf_counter()
            fit()
            times.append(time.perf_counter() - began)
    return {"seconds": float(np.median(times)), "times": len(times),
            "mb": max(peak.mb - before, 0) * 2**20 / 1e6}  # fmt: skip


def measured(line: Line, x: int) -> dict[str, Any]:
    """Return a point from a process of its own, or why there is none."""
    env = {**os.environ, **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(THREADS))}
    command = [sys.executable, "-W", "ignore", __file__, "--point", line.name, line.axis, str(x)]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=REPEATS * LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return {"skipped": f"over {LIMIT / 60:.0f} minutes"}
    if done.returncode:
        return {"skipped": (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1][:200]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def predicted(known: list[dict[str, Any]], x: int, what: str) -> float:
    """Return what the last two points, or one and a linear growth, say of the next."""
    if not known:
        return 0.0
    last, power = known[-1], 1.0
    if len(known) > 1 and min(known[-2][what], last[what]) > 0:
        power = math.log(last[what] / known[-2][what]) / math.log(last["x"] / known[-2]["x"])
    return float(last[what] * (x / last["x"]) ** min(max(power, 0.5), 3.0))


def rows() -> list[dict[str, Any]]:
    return [json.loads(one) for one in KEPT.read_text().splitlines()] if KEPT.exists() else []


def of(line: Line, there: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the points of a line that were measured, in order."""
    found = [r for r in there if (r["name"], r["axis"]) == (line.name, line.axis) and "seconds" in r]
    return sorted(found, key=lambda r: r["x"])


def walk(lines: list[Line], smallest: int, minutes: float) -> Iterator[str]:
    """Measure what is not kept yet, the small points of every line first; give a sentence of each."""
    began = time.monotonic()
    for place in range(min(smallest, max(len(line.points) for line in lines))):
        for line in lines:
            if place >= len(line.points):
                continue
            x, there = line.points[place], rows()
            if any((r["name"], r["axis"], r["x"]) == (line.name, line.axis, x) for r in there):
                continue
            known = of(line, there)
            seconds, mb = predicted(known, x, "seconds"), predicted(known, x, "mb")
            if (time.monotonic() - began) / 60 + seconds / 60 > minutes:
                yield f"{minutes:g} minutes are over at {line.name}, {x:,} {line.axis}: go on with the same command"
                return
            room = psutil.virtual_memory().available / 1e6
            if seconds > LIMIT:
                found: dict[str, Any] = {"skipped": f"about {seconds / 60:.0f} minutes by the points before"}
            elif mb > 0.8 * room:
                found = {"skipped": f"about {mb / 1e3:.0f} GB by the points before, {room / 1e3:.0f} GB free"}
            else:
                found = measured(line, x)
            row = {"name": line.name, "axis": line.axis, "x": x, **found}
            with KEPT.open("a") as file:
                file.write(json.dumps(row) + "\n")
            yield json.dumps(row)


def exponent(points: list[dict[str, Any]], what: str) -> str:
    """Return the slope of a straight line through the logarithms of points above the noise, with its standard error."""
    least = {"seconds": 0.02, "mb": 5.0}[what]
    some = [(math.log(p["x"]), math.log(p[what])) for p in points if p[what] >= least]
    if len(some) < 3:
        return ""
    x, y = np.array(some).T
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    error = math.sqrt(float(rest @ rest) / max(len(x) - 2, 1) / float(x @ x))
    return f"{slope:.2f} ± {error:.2f}"


def picture(axis: str, there: list[dict[str, Any]]) -> None:
    """Draw time and memory along an axis side by side, both axes logarithmic."""
    from serendip.service.charts import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILION, chart, logarithmic, png

    points = [{"algorithm": line.name, **p} for line in LINES if line.axis == axis for p in of(line, there)]
    if not points:
        return
    names = [line.name for line in LINES if line.axis == axis]
    colours = [BLUE, SKY, PURPLE, ORANGE, VERMILION, GREEN, INK, "#8a6d3b"][: len(names)]
    colour = {"field": "algorithm", "type": "nominal", "title": None, "scale": {"domain": names, "range": colours}}
    sides = []
    for what, title, least in (("seconds", "Seconds", 1e-3), ("mb", "MB beside the data", 1.0)):
        some = [p for p in points if p[what] >= least]
        axes = {"type": "quantitative", "scale": {"type": "log"}, "axis": {"tickCount": 4, "format": "~g"}}
        encoding = {"x": logarithmic(some or points, "x", axis), "y": axes | {"field": what, "title": title},
                    "color": colour}  # fmt: skip
        sides.append(chart(f"{title} by {axis}", some, mark={"type": "line", "point": True}, encoding=encoding))
    config = sides[0]["config"]
    beside = [{k: v for k, v in side.items() if k not in ("config", "$schema")} for side in sides]
    spec = {"$schema": sides[0]["$schema"], "config": config, "hconcat": beside}
    (PICTURES / f"growth-{axis}.png").write_bytes(png(spec, scale=1.5))


def page(there: list[dict[str, Any]]) -> None:
    """Write the section of docs/growth.md and its pictures."""
    parts = []
    for axis in AXES:
        lines = [line for line in LINES if line.axis == axis and of(line, there)]
        if not lines:
            continue
        picture(axis, there)
        xs = AXES[axis]
        head = f"| {axis} | of which | time ~ n^ | memory ~ n^ | {' | '.join(f'{x:,}' for x in xs)} |"
        table = [head, f"|{'---|' * (4 + len(xs))}"]
        for line in lines:
            points = of(line, there)
            at = {p["x"]: f"{p['seconds']:.3g} s, {p['mb']:,.0f} MB" for p in points}
            cells = [at.get(x, "") for x in xs]
            table.append(f"| {line.name} | {line.what} | {exponent(points, 'seconds')} | {exponent(points, 'mb')} | "
                         f"{' | '.join(cells)} |")  # fmt: skip
        skipped = [f"- {r['name']}, {r['x']:,} {axis}: {r['skipped']}" for r in there
                   if r["axis"] == axis and "skipped" in r]  # fmt: skip
        left = ["Points left out:\n\n" + "\n".join(skipped)] if skipped else []
        parts += [f"### By {axis}", f"![Time and memory by {axis}](img/growth-{axis}.png)", "\n".join(table), *left]
    parts.append(f"Made by `make bench-growth`: {machine()}; two threads.")
    write_section("growth", "\n\n".join(parts), PAGE)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=math.inf, help="after which no further point is begun")
    asked.add_argument("--smallest", type=int, default=99, help="points of each line")
    asked.add_argument("--only", nargs="+", default=[], help="names of algorithms")
    asked.add_argument("--again", action="store_true", help="forget what is kept")
    asked.add_argument("--page", action="store_true", help="measure nothing")
    asked.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.point:
        name, axis, x = given.point
        print(json.dumps(point(name, axis, int(x))))
        return
    if given.again:
        KEPT.unlink(missing_ok=True)
    lines = [line for line in LINES if not given.only or line.name in given.only]
    if not lines:
        raise SystemExit(f"no algorithm is named {' or '.join(given.only)}: {', '.join(WHAT)}")
    if not given.page:
        for sentence in walk(lines, given.smallest, given.minutes):
            print(sentence, flush=True)
    page(rows())


if __name__ == "__main__":
    main()
