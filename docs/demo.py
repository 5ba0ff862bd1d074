"""Refresh what the README shows of a demo run: `serendip demo --no-serve`, then `python docs/demo.py serendip-demo`.

The leaderboard, a slate and the two pictures are taken from the project that the demo left behind, and from nothing
else. The picture of the page needs Playwright and a Chromium.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from serendip.service import charts
from serendip.service.open import opened

ROOT = Path(__file__).parents[1]
README, IMAGES = ROOT / "README.md", ROOT / "docs" / "img"
USER = "54"  # one of those that the demo prints
SHOWN = 5  # items of a slate
SHOWN_METRICS = ("recall@10", "hr@10", "coverage@10")


def leaderboard(report: dict[str, object]) -> str:
    """Return the comparison as a Markdown table."""
    primary = str(report["primary"])
    lines = [
        f"| algorithm | {primary} | 95% interval | beats popular | {' | '.join(SHOWN_METRICS)} | fit |",
        "|---" * (5 + len(SHOWN_METRICS)) + "|",
    ]
    results = report["results"]
    assert isinstance(results, list)
    for row in results:
        metrics = {name: one["mean"] for name, one in row["metrics"].items()}
        low, high = row["metrics"][primary]["ci95"]
        verdict = "beyond doubt" if row["beyond_doubt"] else "no" if row["algorithm"] != "popular" else "baseline"
        shown = " | ".join(f"{metrics[name]:.3f}" for name in SHOWN_METRICS)
        name = f"**{row['algorithm']}**" if row["algorithm"] == report["chosen"] else row["algorithm"]
        lines.append(
            f"| {name} | {metrics[primary]:.3f} | {low:.3f} to {high:.3f} | {verdict} | {shown} "
            f"| {row['fit_seconds']:.1f} s |"
        )
    return "\n".join(lines)


def slate(project: Path) -> str:
    """Return what `serendip recommend` prints."""
    words = ["serendip", "recommend", USER, "--k", str(SHOWN), "--project", str(project)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    lines = [line.rstrip() for line in done.stdout.rstrip().splitlines()]
    return "\n".join(["```text", *lines, "```"])


def picture(project: Path, report: dict[str, object]) -> None:
    """Draw the leaderboard."""
    results = report["results"]
    assert isinstance(results, list)
    primary = str(report["primary"])
    rows = [
        {"model": r["algorithm"], "mean": r["metrics"][primary]["mean"], "baseline": r["algorithm"] == "popular"}
        | dict(zip(("low", "high"), r["metrics"][primary]["ci95"], strict=True))
        for r in results
    ]
    (IMAGES / "leaderboard.png").write_bytes(charts.png(charts.leaderboard(rows, primary), scale=1.5))


def page(project: Path) -> None:
    """Take a picture of the page with a user on it."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(["serendip", "serve", "--project", str(project), "--port", str(port)])
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            tab = browser.new_page(viewport={"width": 1100, "height": 800})
            for _ in range(60):
                try:
                    tab.goto(f"http://127.0.0.1:{port}/")
                    break
                except Exception:  # the server is not there yet
                    time.sleep(0.5)
            tab.fill("#q", USER)
            tab.get_by_role("button", name=re.compile(rf"\b{USER}\b")).first.click()
            tab.wait_for_function("document.querySelectorAll('#history li').length > 0")
            tab.wait_for_timeout(500)
            tab.screenshot(path=IMAGES / "page.png")
            browser.close()
    finally:
        server.terminate()
        server.wait()


def main(project: Path) -> None:
    """Refresh the README and its pictures."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    report = json.loads((project / "reports" / "leaderboard.json").read_text(encoding="utf-8"))
    opened(project).store.close()  # there is a model, or this says what is missing
    IMAGES.mkdir(exist_ok=True)
    parts = {"leaderboard": leaderboard(report), "slate": slate(project)}
    text = README.read_text(encoding="utf-8")
    for name, written in parts.items():
        marked = re.compile(rf"<!-- demo: {name} -->\n.*?<!-- end of {name} -->", re.DOTALL)
        assert marked.search(text), f"the README has no place for {name}"
        text = marked.sub(lambda _, n=name, w=written: f"<!-- demo: {n} -->\n{w}\n<!-- end of {n} -->", text)
    README.write_text(text, encoding="utf-8")
    picture(project, report)
    page(project)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "serendip-demo"))
