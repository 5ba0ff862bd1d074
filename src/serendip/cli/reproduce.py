"""`serendip reproduce`: run again what a run's directory records, and compare every number."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from serendip.cli.options import JsonOption, ThreadsOption
from serendip.plural import counted

SHOWN = 20  # differences that are printed


def command(
    run: Annotated[Path, Argument(help="The directory of a run, as project/runs/20260101T120000000Z-0123abcd.")],
    threads: ThreadsOption = None,
    json: JsonOption = False,
) -> None:
    from serendip.cli.progress import Bar
    from serendip.errors import UserError
    from serendip.models.contract import Run
    from serendip.service.runs import reproduce

    with Bar() as bar:
        found = reproduce(run, run=Run(threads=threads, progress=bar))
    if json:
        import msgspec

        print(
            msgspec.json.format(
                msgspec.json.encode(found),
                indent=2,
            ).decode()
        )
    else:
        for name, (then, now) in found.versions.items():
            print(f"{name} was {then} and is {now} now.")
        for name, (was, is_) in list(found.different.items())[:SHOWN]:
            print(f"{name}: {was:.6g} then, {is_:.6g} now")
        more = len(found.different) - SHOWN
        same = f"{found.command}: {counted(found.same, 'number is', 'numbers are')} the same again."
        print(f"... and {more:,} more" if more > 0 else same)
    if found.different:
        raise UserError(
            f"{len(found.different):,} of {found.same + len(found.different):,} numbers of {run} are not the same again"
        )
