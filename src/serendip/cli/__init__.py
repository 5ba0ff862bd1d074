"""The command line: one file a command; a command's module is imported when it is called, and no other."""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from serendip import __version__
from serendip.errors import UserError, nearest

COMMANDS = {
    "demo": "Run the main job on MovieLens 100K and serve what comes of it.",
    "run": "Do all of it: read a file, compare models, choose, write every user's slate.",
    "ingest": "Read files of events, items and users into the project's store.",
    "inspect": "Report what the data is like, and what is wrong with it.",
    "train": "Fit one algorithm on everything and publish the model.",
    "evaluate": "Measure algorithms on a training and a test file.",
    "compare": "Measure the portfolio on a split of the project's data, as a leaderboard.",
    "recommend": "Show a user's slate, or one for a list of items.",
    "similar": "Show the items most like an item.",
    "explain": "Say why an item stands in a user's slate.",
    "generate": "Write every user's slate into the recommendation table, or to a file.",
    "serve": "Answer over HTTP.",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, and leave with its status."""
    sys.exit(status(sys.argv[1:] if arguments is None else list(arguments)))


def status(arguments: list[str]) -> int:
    """Run a command; return 0, 1 where the user has to mend something, 2 for wrong usage, 130 when stopped."""
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        print(overview())
        return 0
    if arguments[0] in ("--version", "-V"):
        print(f"serendip {__version__}")
        return 0
    name = arguments[0]
    if name not in COMMANDS:
        print(f"serendip: there is no command {name!r}{nearest(name, COMMANDS)}", file=sys.stderr)
        return 2
    try:
        return invoke(name, arguments[1:])
    except UserError as error:
        print(f"serendip: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nserendip: stopped; the same command goes on from here", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        print("serendip: the memory is not enough for this; use fewer algorithms or a smaller rank", file=sys.stderr)
        return 1
    except OSError as error:
        full = error.errno == errno.ENOSPC
        print(f"serendip: {'the disk is full' if full else error}{'; make room and run it again' if full else ''}",
              file=sys.stderr)  # fmt: skip
        return 1
    except Exception as error:
        if os.environ.get("SERENDIP_TRACEBACK"):
            raise
        print(f"serendip: this is a fault of serendip's, not yours: {type(error).__name__}: {error}; "
              "with SERENDIP_TRACEBACK=1 it says where", file=sys.stderr)  # fmt: skip
        return 70


def invoke(name: str, arguments: list[str]) -> int:
    """Import one command's module and call it with its arguments."""
    import click
    import typer

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(name, help=COMMANDS[name])(import_module(f"serendip.cli.{name}").command)
    try:
        result = typer.main.get_command(app).main(arguments, prog_name=f"serendip {name}", standalone_mode=False)
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        return 2
    return result if isinstance(result, int) else 0


def overview() -> str:
    """Return the list of commands."""
    lines = [f"  {name:<11}{about}" for name, about in COMMANDS.items()]
    return "\n".join([
        "usage: serendip COMMAND [OPTIONS]     (serendip COMMAND --help says more)", "", *lines, "",
        "Start with: serendip run FILE.csv",
    ])  # fmt: skip
