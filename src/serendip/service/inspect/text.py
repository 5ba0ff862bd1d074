"""The report on a terminal: tables with colours, and plain lines where the output is piped."""

from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from serendip.service.inspect.figures import Count
from serendip.service.inspect.report import DataReport, day
from serendip.service.inspect.sections import Section, number, sections

PIPED = 160  # columns of a line that goes to no terminal
BAR = 30  # characters of the longest bar


def show(report: DataReport, console: Console | None = None) -> None:
    """Print the report."""
    out = console or Console()
    if out.is_terminal:
        write(report, out)
        return
    plain = Console(file=StringIO(), width=PIPED, no_color=True, highlight=False)
    with plain.capture() as lines:
        write(report, plain)
    out.file.write("".join(f"{line.rstrip()}\n" for line in lines.get().splitlines()))


def write(report: DataReport, out: Console) -> None:
    """Print the report as a terminal shows it."""
    out.print(Text(f"Data report{f' on {report.name}' if report.name else ''}, {day(report.made)}", "bold"))
    for section in sections(report):
        out.print()
        out.print(Text(section.title, "bold cyan"))
        facts(section, out)
        table(section, out)
        if section.key == "values":
            for v in report.values:
                if not v.width:
                    bars(v.type, v.histogram, out)
        if section.note:
            out.print(Text(section.note, "dim"), soft_wrap=True)  # unbroken, for pasting
    out.print()
    out.print(Text("What to do", "bold yellow"))
    for sentence in report.advice or ("Nothing that asks for action was found.",):
        out.print(Text(f"- {sentence}"), soft_wrap=True)


def facts(section: Section, out: Console) -> None:
    """Print the facts of a section in two columns."""
    if not section.facts:
        return
    grid = Table.grid(padding=(0, 2))
    for label, value in section.facts:
        grid.add_row(Text(f"  {label}"), Text(value))
    out.print(grid)


def table(section: Section, out: Console) -> None:
    """Print the table of a section."""
    if not section.rows:
        return
    drawn = Table(box=None, padding=(0, 1), header_style="dim")
    for place, column in enumerate(section.columns):
        drawn.add_column(Text(column), justify="left" if place < section.words else "right", overflow="fold")
    for row in section.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    out.print(drawn)


def bars(name: str, histogram: tuple[Count, ...], out: Console) -> None:
    """Print how often each value occurs, as bars."""
    most = max((bar.events for bar in histogram), default=0)
    grid = Table.grid(padding=(0, 1))
    for bar in histogram:
        filled = "█" * max(1, round(BAR * bar.events / most)) if bar.events else ""
        grid.add_row(Text(f"  {name} {number(bar.at)}"), Text(filled, "blue"), Text(f"{bar.events:,}"))
    out.print(grid)
