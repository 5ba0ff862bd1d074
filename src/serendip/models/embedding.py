"""Texts as vectors by a sentence-transformers model.

Reimers, Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", EMNLP 2019, arXiv:1908.10084.
The vectors are part of what a fit learned: torch is needed again only where a new text comes.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from serendip.arrays import F32
from serendip.errors import UserError


def embedded(texts: list[str], name: str) -> F32:
    """Return a vector of each text.  # (n, size)

    Raises:
        UserError: the library is not installed, or the model cannot be loaded.
    """
    if not texts:
        return np.empty((0, size_of(name)), np.float32)
    return np.asarray(reader(name).encode(texts, batch_size=64, show_progress_bar=False), np.float32)


def size_of(name: str) -> int:
    """Return how many numbers a vector of the model has.

    Raises:
        UserError: as `embedded`.
    """
    model = reader(name)
    size = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    return int(size())


@lru_cache(maxsize=2)
def reader(name: str) -> Any:
    """Return a model by its name or folder; it is loaded once."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise UserError("text is embedded by sentence-transformers: pip install 'serendip[embeddings]'") from None
    try:
        return SentenceTransformer(name, device="cpu")
    except (OSError, ValueError) as error:
        raise UserError(f"the embedding model {name!r} cannot be loaded: {str(error).splitlines()[0]}") from None
