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
    close = difflib.get_close_matches(name.lower(), [n.lower() for n in known], n=1, cutoff=0.5)
    if close:
        return f"; did you mean {next(n for n in known if n.lower() == close[0])!r}?"
    return f"; known: {', '.join(known)}" if known else ""
