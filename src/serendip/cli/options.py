"""Options that several commands share, declared once."""

from pathlib import Path
from typing import Annotated

from typer import Option

ProjectOption = Annotated[Path, Option("--project", help="The project's folder.")]
JsonOption = Annotated[bool, Option("--json", help="Answer in JSON.")]
ContextOption = Annotated[
    list[str] | None,
    Option(metavar="NAME=VALUE", help="What is known of the request, as device=phone; may be repeated."),
]
KOption = Annotated[int, Option("--k", "-k", min=1, max=1000, help="How many items.")]
PipelineOption = Annotated[str, Option("--pipeline", help="The name of a pipeline of serendip.toml.")]
UserOption = Annotated[str | None, Option("--user", help="Column of the user, where the name misleads.")]
ItemOption = Annotated[str | None, Option("--item", help="Column of the item.")]
ValueOption = Annotated[str | None, Option("--value", help="Column of the rating, quantity or other value.")]
TimestampOption = Annotated[str | None, Option("--timestamp", help="Column of the time.")]
TypeOption = Annotated[str | None, Option("--type", help="Column of the type of event.")]
ItemsOption = Annotated[Path | None, Option("--items", help="A file of items with attributes.")]
UsersOption = Annotated[Path | None, Option("--users", help="A file of users with attributes.")]
ScaleOption = Annotated[str | None, Option("--scale", metavar="LOW,HIGH", help="The rating scale, as 1,5.")]
EncodingOption = Annotated[str | None, Option("--encoding", help="Encoding of the files, where it is not UTF-8.")]
AlgorithmsOption = Annotated[
    str | None, Option("--algorithms", help="Names separated by commas; what serendip.toml says where not given.")
]
SeedOption = Annotated[int, Option("--seed", min=0, help="The same seed, the same result.")]
ThreadsOption = Annotated[int | None, Option("--threads", min=1, help="Cores to use at most.")]
HERE = Path(".")


def named(text: str | None) -> list[str] | None:
    """Return names separated by commas."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def pair_of(text: str) -> tuple[str, str]:
    """Return the two sides of NAME=VALUE.

    Raises:
        UserError: it is written otherwise.
    """
    from serendip.errors import UserError

    name, equals, value = text.partition("=")
    if not (equals and name.strip()):
        raise UserError(f"a context is written NAME=VALUE, as device=phone, and {text!r} is not")
    return name.strip(), value.strip()


def scale_of(text: str | None) -> tuple[float, float] | None:
    """Return the scale that LOW,HIGH says.

    Raises:
        UserError: it says none.
    """
    from serendip.errors import UserError

    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--scale is written LOW,HIGH, as 1,5, and {text!r} is not") from None
    if not low < high:
        raise UserError(f"--scale goes from the lowest to the highest rating, and {text!r} does not")
    return low, high
