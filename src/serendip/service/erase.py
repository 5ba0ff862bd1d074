"""Forget a user: events, attributes and slates in the store, the id in every model and in the reports that name it."""

import re
from dataclasses import dataclass

from serendip.data.ids import as_text
from serendip.service.whole import write_whole
from serendip.store.apart import MARK, mentions
from serendip.store.artefacts import rename
from serendip.store.project import Project
from serendip.store.store import Store

READ = (".json", ".jsonl", ".html", ".csv", ".md", ".txt", ".svg")  # what in the project's folder may name users
NOBODY = "(erased)"


@dataclass(frozen=True)
class Erased:
    """What was done. events: how many went; models: versions in which the id was replaced; files: and reports."""

    user_id: str
    events: int
    models: tuple[str, ...]
    files: tuple[str, ...]


def erase(project: Project, store: Store, user_id: str) -> Erased:
    """Remove all that is known of a user. The index stays, so that every other one means what it did.

    Cut off and done again, it finishes: the store comes last, which says that there is something to do.

    Raises:
        NotFound: there is no such user.
        UserError: the disk is full.
    """
    user_id = as_text(user_id)
    index, named = store.users().get(user_id), naming(user_id)
    models = tuple(
        version
        for version in project.versions()
        if index >= 0 and rename(project.model(version), "users", index, user_id, f"{MARK}{index}", named)
    )
    files = nameless(project, user_id) if index >= 0 else ()
    return Erased(user_id, store.erase(user_id), models, files)


def nameless(project: Project, user_id: str) -> tuple[str, ...]:
    """Put nobody in the place of a user in reports; return which files named it."""
    named, done = naming(user_id), []
    for folder in (project.reports, project.runs, project.tuning):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.suffix not in READ:
                continue
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            less = named.sub(NOBODY, text)
            if less != text:
                write_whole(path, less.encode("utf-8", errors="surrogateescape"))
                done.append(str(path))
    return tuple(done)


def naming(user_id: str) -> re.Pattern[str]:
    """Return what finds an id in a report: a number only where it is in quotes, between tags, or in a sentence as one.

    A report is full of numbers that are nobody.
    """
    if not user_id.isdecimal():
        return mentions(user_id)
    ways = (('"', '"'), (">", "<"), (r"\(", " and "), (", ", " and "), ("user ", r"\b"))
    return re.compile("|".join(f"(?<={before}){user_id}(?={after})" for before, after in ways))
