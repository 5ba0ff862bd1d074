"""Write tuned hyperparameters into `serendip.toml`, and leave every other line of it as it is."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace

from serendip.config import Settings, parse, read, toml, write
from serendip.errors import UserError
from serendip.models.contract import Algorithm
from serendip.service.whole import write_whole
from serendip.store.project import Project

HEAD = "[training.hyperparameters]"
EMPTY = re.compile(r"^(# By algorithm, what differs from the defaults\.\n)?hyperparameters\s*=\s*\{\s*\}\s*\n", re.M)


def changes(algorithm: Algorithm) -> dict[str, object]:
    """Return the hyperparameters that are not the defaults, as TOML can hold them: None is the text none."""
    defaults = {name: one.default for name, one in algorithm.hyperparameters().items()}
    changed = {name: value for name, value in algorithm.settings().items() if value != defaults[name]}
    return {name: "none" if value is None else value for name, value in changed.items()}


def lines(algorithm: Algorithm) -> str:
    """Return the lines of `serendip.toml` that give an algorithm its hyperparameters."""
    return f"{HEAD}\n{algorithm.name} = {toml(changes(algorithm))}"


def save(project: Project, algorithm: Algorithm) -> None:
    """Write the hyperparameters of an algorithm in place of those that the file has for it.

    Raises:
        UserError: the file has them in a form that cannot be edited line by line.
    """
    before = read(project.settings) if project.settings.exists() else Settings()
    given = {**before.training.hyperparameters, algorithm.name: changes(algorithm)}
    wanted = replace(before, training=replace(before.training, hyperparameters=given))
    if not project.settings.exists():
        write_whole(project.settings, write(wanted))
        return
    text = edited(project.settings.read_text(encoding="utf-8"), algorithm.name, lines(algorithm).split("\n")[1])
    if understood(text) != wanted:
        raise UserError(f"{project.settings} cannot be edited by a machine as it is: put there {lines(algorithm)!r}")
    write_whole(project.settings, text)


def edited(text: str, name: str, line: str) -> str:
    """Return the text with one line of the section in place of an older one."""
    rows = EMPTY.sub("", text).rstrip("\n").split("\n")
    if HEAD not in (row.strip() for row in rows):
        return "\n".join([*rows, "", HEAD, line]) + "\n"
    at = next(n for n, row in enumerate(rows) if row.strip() == HEAD)
    end = next((n for n in range(at + 1, len(rows)) if rows[n].lstrip().startswith("[")), len(rows))
    kept = [row for row in rows[at + 1 : end] if not re.match(rf"\s*\"?{re.escape(name)}\"?\s*=", row)]
    return "\n".join([*rows[: at + 1], line, *kept, *rows[end:]]) + "\n"


def understood(text: str) -> Settings | None:
    """Return the settings of a text, None where it is none."""
    try:
        table: Mapping[str, object] = tomllib.loads(text)
        return parse(table, "")
    except (tomllib.TOMLDecodeError, UserError):
        return None
