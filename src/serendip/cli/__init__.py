"""The command line: one file a command; a command's module is imported when it is called, and no other."""

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from serendip import __version__
from serendip.cli import stop
from serendip.errors import UserError, nearest

COMMANDS = {
    "demo": "Run the main job on MovieLens 100K and serve what comes of it.",
    "run": "Do all of it: read a file, compare models, choose, write every user's slate.",
    "ingest": "Read files of events, items and users into the project's store.",
    "quarantine": "Show the rows that were put aside, by file and reason, or forget them.",
    "import": "Take over what a Gorse holds, from its export or while it runs.",
    "inspect": "Report what the data is like, and what is wrong with it.",
    "train": "Fit one algorithm on everything and publish the model.",
    "tune": "Look for better hyperparameters of one algorithm, never seeing the test part.",
    "reproduce": "Run again what a run's directory records, and compare the numbers.",
    "plan": "Say in advance how much memory a fit takes and about how long.",
    "compress": "Write a smaller version of a model, and say what it costs.",
    "evaluate": "Measure algorithms on a training and a test file.",
    "compare": "Measure the portfolio on a split of the project's data, as a leaderboard.",
    "judge": "Let people say which of two models' slates is better, without knowing whose is whose.",
    "onboard": "Ask what a newcomer likes, and show the slate that comes of it.",
    "recommend": "Show a user's slate, or one for a list of items.",
    "similar": "Show the items most like an item.",
    "explain": "Say why an item stands in a user's slate.",
    "generate": "Write every user's slate into the recommendation table, or to a file.",
    "serve": "Answer over HTTP.",
    "rules": "List business rules; put or remove one; tell who said what and when.",
    "models": "List the models; let one serve, go back, hold two side by side.",
    "schedule": "Train anew when it is due; let the new model serve where it is no worse.",
    "backup": "Write the project to one file, while it is in use.",
    "restore": "Put the project back as a backup has it, once all of it is checked.",
    "erase": "Forget a user: events, attributes and slates, the id in models and reports.",
    "keys": "Make, list, rotate and revoke the keys that open the server.",
    "doctor": "Check everything that a server needs, and say what to do about it.",
}


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room on the disk, in the quota, for so long a file


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, and leave with its status."""
    stop.at_once()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever called
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a title may hold what the terminal's encoding does not
    stop.in_time()
    code = status(sys.argv[1:] if arguments is None else list(arguments))
    if code == stop.STATUS:
        os._exit(code)  # whatever still runs is not waited for
    stop.at_once()
    sys.exit(code)


def status(arguments: list[str]) -> int:
    """Run a command; return 0, 1 where the user has to mend something, 2 for wrong usage, 130 when stopped."""
    try:
        code = call(arguments)
        sys.stdout.flush()
        return code
    except UserError as error:
        return failed(str(error))
    except KeyboardInterrupt:
        print(("\n" if sys.stderr.isatty() else "") + stop.LINE, file=sys.stderr, flush=True)
        return stop.STATUS
    except (BrokenPipeError, SystemExit):  # who read it has seen enough; rich says so by SystemExit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return failed("the memory is not enough for this; use fewer algorithms or a smaller rank")
    except OSError as error:
        if error.errno in FULL:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # it may be what is full
            return failed("the disk is full; make room and run the same command again, which goes on from here")
        where = "" if error.filename is None else f"{error.filename}: "
        return failed(f"{where}{error.strerror or error}")
    except Exception as error:
        if os.environ.get("SERENDIP_TRACEBACK"):
            raise
        return failed(f"this is a fault of serendip's, not yours: {type(error).__name__}: {error}; "
                      "with SERENDIP_TRACEBACK=1 it says where", 70)  # fmt: skip


def failed(sentence: str, code: int = 1) -> int:
    """Say in one line why a command failed; return its status."""
    plain = "".join(c if c.isprintable() else " " for c in sentence)  # it may hold a title of the data's
    print(f"serendip: {' '.join(plain.split())}", file=sys.stderr)
    return code


def call(arguments: list[str]) -> int:
    """Find the command and run it."""
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        print(overview())
        return 0
    if arguments[0] in ("--version", "-V"):
        print(f"serendip {__version__}")
        return 0
    name = arguments[0]
    if name not in COMMANDS:
        return failed(f"there is no command {name!r}{nearest(name, COMMANDS)}", 2)
    return invoke(name, arguments[1:])


def invoke(name: str, arguments: list[str]) -> int:
    """Import one command's module and call it with its arguments; wrong usage is said in one line."""
    import typer

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(name, help=COMMANDS[name])(import_module(f"serendip.cli.{name}").command)
    command = typer.main.get_command(app)
    try:
        context = command.make_context(f"serendip {name}", list(arguments))
    except typer.Exit as left:  # after --help
        return left.exit_code
    except Exception as error:
        said = getattr(error, "format_message", None)  # which class it is depends on typer's version
        if said is None:
            raise
        option = getattr(error, "option_name", None)
        known = [flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")]
        if option is not None and option not in known:
            return failed(f"{name} has no option {option!r}{nearest(option, known)}", 2)
        sentence = said().strip().rstrip(".")
        return failed(f"{sentence[:1].lower()}{sentence[1:]}; serendip {name} --help says more", 2)
    with context:
        command.invoke(context)
    return 0


def overview() -> str:
    """Return the list of commands."""
    lines = [f"  {name:<11}{about}" for name, about in COMMANDS.items()]
    return "\n".join([
        "usage: serendip COMMAND [OPTIONS]     (serendip COMMAND --help says more)", "", *lines, "",
        "Start with: serendip run FILE.csv",
    ])  # fmt: skip
