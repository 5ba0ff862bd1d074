"""Charts as Vega-Lite specifications: plain data, drawn as SVG, PNG or a page without a network.

Each function takes plain rows and returns a specification; `svg`, `png` and `html` draw one. The colours are those of
Okabe and Ito (Color Universal Design, 2008), which the colour-blind can tell apart.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]

BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
INK, LINE = "#3a3f45", "#d5d9de"
WIDTH, HEIGHT = 400, 220
TEXT = {"labelFont": "sans-serif", "titleFont": "sans-serif", "labelColor": INK, "titleColor": INK}
CONFIG: Spec = {
    "background": "transparent",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": TEXT
    | {"labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal", "gridColor": LINE, "domainColor": LINE}
    | {"tickColor": LINE, "titlePadding": 8},
    "title": {"font": "sans-serif", "fontSize": 15, "color": INK, "anchor": "start", "offset": 12}
    | {"subtitleFont": "sans-serif", "subtitleFontSize": 13, "subtitleColor": INK},
    "legend": TEXT | {"labelFontSize": 13, "titleFontSize": 13},
}
COUNT = {"labelExpr": "format(datum.value, '~s')"}  # 1.2k, 3M
DATES = {"day": "%d %b", "week": "%b %Y", "month": "%b %Y"}


def chart(title: str, rows: Rows, height: float = HEIGHT, **parts: Any) -> Spec:
    """Return a specification with the project's look; `parts` are mark, encoding or layer."""
    schema = "https://vega.github.io/schema/vega-lite/v6.json"
    data = {"values": [dict(r) for r in rows]}
    return {"$schema": schema, "title": title, "data": data, "width": WIDTH, "height": height, "config": CONFIG} | parts


def over_time(rows: Rows, step: str) -> Spec:
    """Draw events over time; rows: at (ms), events, in order. step: day, week or month."""
    last = {"at": 2 * rows[-1]["at"] - rows[-2]["at"], "events": rows[-1]["events"]} if len(rows) > 1 else None
    x_axis = {"format": DATES[step], "tickCount": 6, "labelOverlap": "greedy"}
    return chart(
        f"Events per {step}",
        [*rows, last] if last else rows,
        mark={"type": "area", "color": BLUE, "interpolate": "step-after"},
        encoding={
            "x": {"field": "at", "type": "temporal", "title": "time (UTC)", "scale": {"type": "utc"}, "axis": x_axis},
            "y": {"field": "events", "type": "quantitative", "title": f"events per {step}", "axis": COUNT},
        },
    )


def histogram(rows: Rows, title: str, unit: str, width: float = 0.0) -> Spec:
    """Draw how often each value occurs; rows: at, events. width: of a bin; 0: each value is a bar of its own."""
    y = {"field": "events", "type": "quantitative", "title": "events", "axis": COUNT}
    if not width:
        x: Spec = {"field": "at", "type": "ordinal", "title": unit, "axis": {"labelAngle": 0}}
        return chart(title, rows, mark={"type": "bar", "color": BLUE}, encoding={"x": x, "y": y})
    binned = [{"at": r["at"], "end": r["at"] + width, "events": r["events"]} for r in rows]
    x = {"field": "at", "type": "quantitative", "title": f"{unit}, in steps of {width:g}", "bin": {"binned": True}}
    return chart(title, binned, mark={"type": "bar", "color": BLUE}, encoding={"x": x, "x2": {"field": "end"}, "y": y})


def long_tail(rows: Rows, what: str) -> Spec:
    """Draw events by rank on logarithmic axes; rows: rank, events. what: item or user."""
    return chart(
        f"Long tail: events by {what}",
        rows,
        mark={"type": "line", "color": BLUE, "strokeWidth": 2.5},
        encoding={
            "x": logarithmic(rows, "rank", f"rank of the {what} (1: most events), logarithmic"),
            "y": logarithmic(rows, "events", f"events of the {what}, logarithmic"),
        },
    )


def logarithmic(rows: Rows, field: str, title: str) -> Spec:
    """Return a logarithmic axis with few labels: powers of ten, and where these are few twice and five times them."""
    low, high = min(r[field] for r in rows), max(r[field] for r in rows)
    steps = (1,) if high >= 1000 * low else (1, 2, 5)
    values = [m * 10**p for p in range(len(str(high))) for m in steps if low <= m * 10**p <= high]
    scale = {"type": "log", "nice": False}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": COUNT | {"values": values}}


def bars(rows: Rows, title: str, unit: str, percent: bool = False) -> Spec:
    """Draw horizontal bars with their figure; rows: name, figure, in the order to draw. unit: of the figure."""
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 180, "ticks": False}}
    top = max((float(r["figure"]) for r in rows), default=1.0) or 1.0
    scale = {"domain": [0, (1 if percent else top) * 1.15]}
    ticks: Spec = {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]} if percent else COUNT | {"tickCount": 5}
    x = {"field": "figure", "type": "quantitative", "title": unit, "scale": scale, "axis": ticks}
    label = {"type": "text", "align": "left", "dx": 4, "color": INK, "font": "sans-serif", "fontSize": 12}
    words = {"field": "figure", "type": "quantitative", "format": ".1%" if percent else ",d"}
    return chart(
        title,
        rows,
        height=max(60, 26 * len(rows)),
        encoding={"y": y, "x": x},
        layer=[{"mark": {"type": "bar", "color": BLUE}}, {"mark": label, "encoding": {"text": words}}],
    )


def leaderboard(rows: Rows, metric: str) -> Spec:
    """Draw models by a metric with their 95% intervals, the best on top, the baseline's mean as a line.

    rows: model, mean, low, high; baseline (true for one of them, or for none).
    """
    ordered = sorted(rows, key=lambda r: -float(r["mean"]))
    y = {"field": "model", "type": "nominal", "sort": None, "title": None, "axis": {"ticks": False, "grid": True}}
    scale = {"zero": False, "nice": False, "padding": 12}
    ticks = {"tickCount": 6, "labelFlush": False}
    title = f"{metric}, mean over users with 95% interval"
    x = {"field": "mean", "type": "quantitative", "title": title, "scale": scale, "axis": ticks}
    tone = {"condition": {"test": "datum.baseline", "value": ORANGE}, "value": BLUE}
    layer: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.55},
            "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"}, "color": tone},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
            "encoding": {"y": y, "x": x, "color": tone},
        },
    ]
    baseline = next((str(r["model"]) for r in ordered if r.get("baseline")), None)
    if baseline is not None:
        line = {"type": "rule", "color": ORANGE, "strokeDash": [4, 3], "strokeWidth": 1.5}
        layer.insert(0, {"transform": [{"filter": "datum.baseline"}], "mark": line, "encoding": {"x": x}})
    spec = chart(f"Models by {metric}", ordered, height=max(80, 30 * len(ordered)), layer=layer)
    if baseline is not None:
        spec["title"] = {"text": spec["title"], "subtitle": f"dashed line: {baseline}, the baseline"}
    return spec


def svg(spec: Spec) -> str:
    """Return the chart as an SVG element."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


def png(spec: Spec, scale: float = 2.0) -> bytes:
    """Return the chart as a PNG picture on white; scale: pixels a point."""
    import vl_convert

    on_white = spec | {"background": "white", "padding": 12}
    return bytes(vl_convert.vegalite_to_png(on_white, scale=scale, allowed_base_urls=[]))
