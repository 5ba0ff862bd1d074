"""Charts are plain data, and each can be drawn without a network."""

import json
import re

import pytest

from serendip.service import charts

COUNTS = [{"at": day * 86_400_000, "events": day % 7} for day in range(1, 40)]
BARS = [{"name": "no user id", "figure": 12}, {"name": "no <time>", "figure": 0}]
MODELS = [
    {"model": "popular", "mean": 0.1, "low": 0.09, "high": 0.11, "baseline": True},
    {"model": "ease", "mean": 0.2, "low": 0.19, "high": 0.21, "baseline": False},
]
SPECS = {
    "over_time": charts.over_time(COUNTS, "day"),
    "one_moment": charts.over_time(COUNTS[:1], "month"),
    "ratings": charts.histogram([{"at": r / 2, "events": r} for r in range(1, 11)], "Ratings", "rating (points)"),
    "quantities": charts.histogram([{"at": 5.0 * n, "events": 9 - n} for n in range(9)], "Sold", "pieces", 5.0),
    "long_tail": charts.long_tail([{"rank": n, "events": 5000 // n} for n in range(1, 300)], "item"),
    "bars": charts.bars(BARS, "Put aside", "rows"),
    "shares": charts.bars([{"name": "title", "figure": 1.0}], "Missing", "share", percent=True),
    "leaderboard": charts.leaderboard(MODELS, "ndcg@10"),
    "no_baseline": charts.leaderboard(MODELS[1:], "ndcg@10"),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_chart_is_plain_data_and_becomes_an_svg_of_its_own(name):
    spec = json.loads(json.dumps(SPECS[name]))
    drawn = charts.svg(spec)
    assert drawn.startswith("<svg")
    assert "<image" not in drawn
    assert re.findall(r'(?:href|src)="http', drawn) == []
    title = spec["title"]["text"] if isinstance(spec["title"], dict) else spec["title"]
    assert title in drawn
    assert "NaN" not in drawn


def quantitative(part):
    """Every quantitative x and y in a specification."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("x", "y") and isinstance(value, dict) and value.get("type") == "quantitative":
                yield value
            yield from quantitative(value)
    elif isinstance(part, list):
        for value in part:
            yield from quantitative(value)


@pytest.mark.parametrize("name", SPECS)
def test_each_axis_of_figures_has_a_title(name):
    axes = list(quantitative({k: v for k, v in SPECS[name].items() if k != "data"}))
    assert axes
    assert all(axis["title"] for axis in axes)


def test_the_leaderboard_has_the_best_on_top_and_the_baseline_as_a_line():
    drawn = charts.svg(SPECS["leaderboard"])
    assert drawn.index(">ease<") < drawn.index(">popular<")
    assert "dashed line: popular" in drawn
    assert "stroke-dasharray" in drawn
    assert 'stroke-dasharray="4,3"' not in charts.svg(SPECS["no_baseline"])


def test_a_chart_is_a_picture_too():
    small, large = (charts.png(SPECS["bars"], scale) for scale in (1.0, 2.0))
    assert small.startswith(b"\x89PNG")
    assert int.from_bytes(large[16:20]) == pytest.approx(2 * int.from_bytes(small[16:20]), abs=2)
