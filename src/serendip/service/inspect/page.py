"""The report as one page that needs nothing else."""

from markupsafe import Markup

from serendip.service import charts
from serendip.service.html import rendered
from serendip.service.inspect.report import DataReport, day
from serendip.service.inspect.sections import sections

UNITS = {"rating": "rating (points)", "review": "rating (points)", "time_spent": "time spent (seconds)"}
UNITS |= dict.fromkeys(("purchase", "return", "cart"), "quantity (pieces)")


def page(report: DataReport) -> str:
    """Return the page as HTML."""
    drawn = {key: [Markup(charts.svg(spec)) for spec in specs] for key, specs in pictures(report).items()}
    values = {"report": report, "sections": sections(report), "charts": drawn, "made": day(report.made)}
    return rendered("data.html.j2", values)


def pictures(r: DataReport) -> dict[str, list[charts.Spec]]:
    """Return the charts of each section."""
    found: dict[str, list[charts.Spec]] = {}
    rows: list[dict[str, object]]
    if len(r.shape.events_by_type) > 1:
        rows = [{"name": kind, "figure": n} for kind, n in r.shape.events_by_type.items()]
        found["shape"] = [charts.bars(rows, "Events by type", "events")]
    if r.time is not None and len(r.time.steps) > 1:
        found["time"] = [charts.over_time([vars(c) for c in r.time.steps], r.time.step)]
    found["values"] = [
        charts.histogram(
            [vars(c) for c in v.histogram], f"Values of {v.type} events", UNITS.get(v.type, "value"), v.width
        )
        for v in r.values
        if v.distinct > 1
    ]
    found["activity"] = [
        charts.long_tail([vars(p) for p in a.tail], what)
        for what, a in (("item", r.items), ("user", r.users))
        if a is not None and len(a.tail) > 1
    ]
    gaps = sorted((m for m in r.missing if m.missing), key=lambda m: -m.missing / m.of)
    if gaps:
        rows = [{"name": f"{m.table}: {m.column}", "figure": m.missing / m.of} for m in gaps[:20]]
        found["missing"] = [charts.bars(rows, "Missing values by column", "share of the table's rows", percent=True)]
    if len(r.quarantine) > 1:
        rows = [{"name": q.reason, "figure": q.rows} for q in r.quarantine[:12]]
        found["quarantine"] = [charts.bars(rows, "Rows put aside by reason", "rows")]
    return found
