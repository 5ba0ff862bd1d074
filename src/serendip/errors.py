"""What a user did that cannot be done, said in one sentence."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake of the user's: the message is one sentence with what, where and what to do about it."""


class NotFound(UserError):
    """There is no user, item or thing of the name asked for."""


class Unavailable(UserError):
    """What is needed cannot be used now: the disk is full, the store is gone, damaged or taken."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean 'X'?` with the known name closest to `name`, or the known names where none is close."""
    known = sorted(set(names))
    bare = {n.lower().lstrip("-"): n for n in known}  # two dashes make no two options alike
    if close := difflib.get_close_matches(name.lower().lstrip("-"), bare, n=1, cutoff=0.5):
        return f"; did you mean {bare[close[0]]!r}?"
    return f"; known: {', '.join(known)}" if known else ""
