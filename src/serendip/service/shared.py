"""Slates that all workers share: a key says everything that a slate depends on, so that none can be out of date."""

from hashlib import blake2b

import msgspec

from serendip.data.queries import Queries
from serendip.service.answer import Slate
from serendip.service.serving import Serving
from serendip.service.slate import How, now


def key_of(serving: Serving, user_id: str, queries: Queries, asked: tuple[object, ...], how: How) -> bytes:
    """Return the key of a question: who asks what, with which history, of which model, items and rules."""
    history, live, fresh = queries.history, serving.live, serving.fresh
    until = live.surfaces.rules(how.pipeline, now()).until
    about = None if queries.user_features is None else queries.user_features.to_dicts()
    told = (live.version, fresh.mark.change, fresh.grown_to.change, until, user_id, *map(repr, asked), repr(about))
    digest = blake2b(repr(told).encode(), digest_size=20, person=b"slate")
    for column in (history.item, history.value, history.type, history.timestamp):
        digest.update(b"none" if column is None else column.tobytes())
    digest.update(repr(history.types).encode())
    return b"serendip:slate:" + digest.hexdigest().encode()


def get(serving: Serving, key: bytes) -> Slate | None:
    """Return the slate of a key, None where nobody has made it lately or it cannot be read."""
    if serving.shared is None or (value := serving.shared.get(key)) is None:
        return None
    try:
        return msgspec.json.decode(value, type=Slate)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def put(serving: Serving, key: bytes, slate: Slate) -> None:
    """Let the others have a slate."""
    if serving.shared is not None:
        serving.shared.put(key, msgspec.json.encode(slate))
