"""Write the generated parts of the documentation, from the declarations in the code: `python docs/generate.py`.

A generated part stands in its page between `<!-- generated: NAME -->` and `<!-- end of NAME -->`. tests/docs hold that
what is committed is what would be written now. What a demo run came to is refreshed by docs/demo.py.
"""

import dataclasses
import doctest
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import polars as pl
import typer

from serendip.checks.toys import checkerboard
from serendip.cli import COMMANDS
from serendip.config import sections, toml
from serendip.data.catalogue import SETS, split_names
from serendip.data.dataset import Dataset
from serendip.data.interactions import EVENT_TYPES
from serendip.data.queries import ask
from serendip.data.readers.words import ROLE_NAMES
from serendip.models.contract import Algorithm, Explains, Model, Predicts, Similar
from serendip.models.hyperparameter import Hyperparameter
from serendip.registry import ALGORITHMS, load

DOCS = Path(__file__).parent


def table(head: str, rows: list[list[str]]) -> str:
    """Return a Markdown table; `head` are the titles, separated by |."""
    titles = head.split("|")
    lines = [titles, ["---"] * len(titles), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def made(name: str) -> Algorithm:
    """Return an algorithm with its defaults."""
    algorithm: Algorithm = load(name, ALGORITHMS, "algorithm")()
    return algorithm


def toy() -> tuple[Dataset, Dataset]:
    """Return a small data set, and the same with one more item, of which only the attributes are known."""
    data = checkerboard().data
    assert data.item_features is not None
    items = data.items.extend(["an item without events"])
    features = pl.concat([data.item_features, data.item_features.tail(1)])
    return data, dataclasses.replace(data, items=items, item_features=features)


def algorithms() -> str:
    """Return what each algorithm can do, as found by asking a model of each on a small data set."""
    data, longer = toy()
    rows = []
    for name in ALGORITHMS:
        algorithm = made(name)
        model, wider = algorithm.fit(data), algorithm.fit(longer)
        new_item = not np.isnan(wider.score(longer.queries())[:, -1]).all()
        rows.append(
            [
                f"[{name}](#{name})",
                f"`{type(algorithm).__name__}`",
                ", ".join(sorted(algorithm.uses)).replace("_", " ") or "popularity only",
                answers(model, ask([[0, 1]], [[5.0, 5.0]]), bool(algorithm.uses)),
                answers(model, ask([[]]), False),
                "yes" if new_item else "no",
                type(model).__name__,
                ", ".join(abilities(model)),
            ]
        )
    return table(
        "name|class|learns from|a newcomer with a history|a visitor without|an item without events|fitted shape|also",
        rows,
    )


def answers(model: Model, queries: Any, personal: bool) -> str:
    """Return what slate the model has for one query."""
    found = bool((model.recommend(queries, 3).item >= 0).any())
    return ("yes" if personal else "the same for all") if found else "the fallback's"


def abilities(model: Model) -> list[str]:
    """Return what a model can do beside recommending."""
    kinds = (("similar items", Similar), ("explains", Explains), ("predicts ratings", Predicts))
    return [what for what, kind in kinds if isinstance(model, kind)]


def hyperparameters() -> str:
    """Return a section an algorithm: what it is, when to use it, an example, its maths and cost, what can be set."""
    parts = []
    for name in ALGORITHMS:
        algorithm = made(name)
        module = import_module(type(algorithm).__module__)
        sentence, _, reference = (module.__doc__ or "").strip().partition("\n\n")
        maths, cost, use, example = inspect.cleandoc(type(algorithm).__doc__ or "").split("\n\n")
        parts += [f"### {name}", "", flowing(sentence), "", flowing(use), "", "```python", script(example), "```", ""]
        parts += ["```text", maths, "```", "", flowing(cost), ""]
        if reference:
            parts += [f"*{flowing(reference)}*", ""]
        face = f"serendip.{type(algorithm).__name__}"
        where = f"[source](../src/{type(algorithm).__module__.replace('.', '/')}.py)"
        known = algorithm.hyperparameters()
        if known:
            rows = [
                [f"`{one.name}`", kind(one, type(algorithm)), written(one.default), bounds(one), one.doc]
                for one in known.values()
            ]
            parts += [f"`{face}`, {where}", "", table("hyperparameter|type|default|from, to|what it is", rows), ""]
        else:
            parts += [f"`{face}`, {where}: nothing to set.", ""]
    return "\n".join(parts).rstrip()


def script(example: str) -> str:
    """Return the lines of a doctest as they are typed after `import serendip`, what comes out in a comment below."""
    lines = []
    _, *typed = doctest.DocTestParser().get_examples(example)
    for one in typed:
        lines += [*one.source.splitlines(), *(f"# {line}" for line in one.want.splitlines())]
    return "\n".join(lines)


def flowing(text: str) -> str:
    """Return a paragraph on one line."""
    return " ".join(text.split())


def kind(one: Hyperparameter, owner: type) -> str:
    """Return the type of a hyperparameter."""
    optional = type(None) in get_args(get_type_hints(owner)[one.name])
    name = f"{one.of.__name__}s" if one.kind is tuple else one.kind.__name__
    return f"{name} or none" if optional else name


def written(value: object) -> str:
    """Return a value as it is written on the command line."""
    if isinstance(value, tuple):
        return ",".join(f"`{part}`" for part in value) or "none"
    return "none" if value is None else f"`{value}`"


def bounds(one: Hyperparameter) -> str:
    """Return what a value lies between, or what it is one of."""
    if one.choices is not None:
        return ", ".join(f"`{choice}`" for choice in one.choices)
    if one.low is None and one.high is None:
        return ""
    return f"{one.low:g} to {one.high:g}{', by magnitude' if one.log else ''}"


def commands() -> str:
    """Return the reference of every command."""
    return "\n\n".join(command(name, about) for name, about in COMMANDS.items())


def command(name: str, about: str) -> str:
    """Return the reference of one command: its usage, arguments and options."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, help=about)(import_module(f"serendip.cli.{name}").command)
    found = [one for one in typer.main.get_command(app).params if one.name != "help"]
    arguments = [one for one in found if one.param_type_name == "argument"]
    options = [one for one in found if one.param_type_name == "option"]
    usage = " ".join(["serendip", name, *map(argument, arguments), *(["[OPTIONS]"] if options else [])])
    rows = [[f"`{argument(one)}`", help_of(one)] for one in arguments]
    rows += [[f"`{option(one)}`", help_of(one) + default_of(one)] for one in options]
    return f"## serendip {name}\n\n{about}\n\n```text\n{usage}\n```\n\n{table('argument or option|what it does', rows)}"


def argument(one: Any) -> str:
    """Return how an argument is written."""
    word = (one.metavar or one.name or "").strip("[].").upper()
    word += "..." if one.nargs == -1 or "..." in (one.metavar or "") else ""
    return word if one.required else f"[{word}]"


def option(one: Any) -> str:
    """Return how an option is written."""
    names = ", ".join(one.opts) + "".join(f" / {name}" for name in one.secondary_opts)
    return names if one.is_flag else f"{names} {one.metavar or (one.name or '').strip('_').upper()}"


def help_of(one: Any) -> str:
    """Return what an argument or an option is for."""
    return flowing(one.help or "")


def default_of(one: Any) -> str:
    """Return the default of an option in words, nothing where there is none."""
    if one.required:
        return " *Required.*"
    if one.is_flag or one.default in (None, [], ()):
        return ""
    return f" Default: `{one.default}`."


def settings() -> str:
    """Return every setting of serendip.toml."""
    rows = []
    for name, values in sections().items():
        for one in dataclasses.fields(values):
            default = getattr(values, one.name)
            shown = f"`{toml(default)}`" if default not in ("", [], {}) else "none"
            rows.append([f"`[{name}]`", f"`{one.name}`", shown, one.metadata["doc"]])
    return table("section|setting|default|what it means", rows)


def weights() -> str:
    """Return what an event of each type is worth."""
    return table("type of event|weight", [[f"`{name}`", f"{weight:g}"] for name, weight in EVENT_TYPES.items()])


def columns() -> str:
    """Return the names by which columns are recognised."""
    return table("taken for|names", [[role.replace("_", " "), ", ".join(names)] for role, names in ROLE_NAMES.items()])


def sets() -> str:
    """Return the public data sets."""
    rows = []
    for one in SETS.values():
        parts = [name for name in split_names() if name.partition("/")[0] == one.name]
        shown = ", ".join(f"`{p}`" for p in parts[:1] + (["..."] if len(parts) > 2 else []) + parts[1:][-1:])
        rows.append(
            [
                f"`{one.name}`",
                f"{one.what}; {one.size}",
                shown.replace("`...`", "..."),
                f"{one.licence}. {one.citation}",
            ]
        )
    return table("name|what it is|published splits|licence and citation", rows)


PARTS: Mapping[str, Callable[[], str]] = {
    "algorithms": algorithms,
    "hyperparameters": hyperparameters,
    "commands": commands,
    "settings": settings,
    "weights": weights,
    "columns": columns,
    "sets": sets,
}
MARKED = re.compile(r"<!-- generated: (\w+) -->\n.*?<!-- end of \1 -->", re.DOTALL)


def generated(page: str) -> str:
    """Return a page with its generated parts written anew."""
    return MARKED.sub(
        lambda found: f"<!-- generated: {found[1]} -->\n{PARTS[found[1]]()}\n<!-- end of {found[1]} -->", page
    )


def pages() -> dict[Path, str]:
    """Return every page that has generated parts, as it should be."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    return {path: generated(text) for path, text in texts.items() if MARKED.search(text)}


def main() -> None:
    """Write the pages that are not in step."""
    for path, text in pages().items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(DOCS.parent)}", file=sys.stderr)


if __name__ == "__main__":
    main()
