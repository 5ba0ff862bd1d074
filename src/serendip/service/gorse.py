"""Take over what a Gorse holds: users, items and feedback, from its export or from one that runs."""

import msgspec

from serendip.adapters.gorse import KINDS, tables
from serendip.models.contract import Progress
from serendip.store.describe import Entry
from serendip.store.store import Store

AT_ONCE = 1000  # items that are hidden in one transaction


class TakenOver(msgspec.Struct):
    """How much was taken over: rows read of each kind, items that are hidden, and events that were new."""

    users: int = 0
    items: int = 0
    feedback: int = 0
    hidden: int = 0
    new: int = 0


def take_over(store: Store, source: str, key: str = "", progress: Progress | None = None) -> TakenOver:
    """Read all that a Gorse holds into the store; read again, it changes nothing.

    source: the folder of an export (users, items, feedback as .csv or .jsonl), or the address of a running one.

    Raises:
        UserError: there is nothing there, it cannot be read, or it refuses the key.
    """
    done, hidden = TakenOver(), []
    with store.bulk() as load:
        for kind in KINDS:
            for part, out in tables(source, kind, key):
                load.add(part)
                hidden += out
                n = len(part.events) + len(part.items) + len(part.users)
                setattr(done, kind, getattr(done, kind) + n)
                if progress is not None:
                    progress(f"reading {kind}", getattr(done, kind), 0)
        done.new = load.flush().new
    for start in range(0, len(hidden), AT_ONCE):
        store.describe("items", [Entry(item_id, {}, hidden=True) for item_id in hidden[start : start + AT_ONCE]])
    done.hidden = len(hidden)
    return done
