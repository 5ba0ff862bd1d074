"""Contextual pre-filtering: an algorithm learns from what happened in the context of the question, beside the whole.

Adomavicius, Tuzhilin, "Context-Aware Recommender Systems", Recommender Systems Handbook, 2011,
doi:10.1007/978-0-387-85820-3_7; Adomavicius, Sankaranarayanan, Sen, Tuzhilin, "Incorporating Contextual Information in
Recommender Systems Using a Multidimensional Approach", TOIS 23(1), 2005, for the fallback on the whole.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from serendip.data.dataset import Dataset
from serendip.data.queries import Queries, no_history
from serendip.errors import UserError, nearest
from serendip.models.bycontext import ByContext, code_of
from serendip.models.children import APART, Fits, algorithm, held
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.fields import CLOCK, Field
from serendip.models.hyperparameter import hyper


@dataclass(frozen=True)
class Prefilter(Algorithm):
    """score(q, i) = (1 - s) z(q, i) + s z_c(q, i), s = n_c / (n_c + shrinkage), n_c the events of q's context c.

    Time and memory are the algorithm's, once for the whole and once for each value of the context. Where the context of
    a question is not known, the whole answers.

    Use it where what is wanted differs much from one context to another and each has many events. Not for several
    contexts at once, from which fm and ffm learn.

    >>> import serendip
    >>> acts = {"user": range(100), "item": ["news", "film"] * 50, "daytime": (["am", "pm"] * 4 + ["pm", "am"]) * 10}
    >>> data = serendip.read(acts, context=["daytime"])
    >>> model, now = serendip.Prefilter("popular", least=20).fit(data), ({"daytime": "am"}, {"daytime": "pm"})
    >>> [serendip.recommend(model, data, history=[[]], context=one)["item_id"][0] for one in now]
    ['news', 'film']
    """

    name: ClassVar[str] = "prefilter"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history", "context"})

    algorithm: str = hyper("als", "What is fitted, as `name` or `name:field=value:...`.")
    context: str = hyper("", "A column of the context, or hour or weekday; empty: the first column, else weekday.")
    shrinkage: float = hyper(2000.0, "Events at which context and whole count alike.", low=0.0, high=1e9)
    least: int = hyper(100, "Events from which on a context has a model of its own.", low=1, high=1_000_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        algorithm(self.algorithm)

    def fit(self, data: Dataset, *, run: Run = Run()) -> ByContext:
        learnable(data, self.name)
        child, field = algorithm(self.algorithm), self.field(data)
        within = replace(run, start=None)
        whole = child.fit(data, run=within)
        asked = Queries(data.user, no_history(len(data)), data.timestamp, data.context)
        code = code_of(field, asked)  # (N,)
        count = np.bincount(code, minlength=field.size)
        parts, codes = [], []
        for c in np.flatnonzero((count >= self.least) & (count < len(data))):
            part = data.where(code == c)
            if c > 0 and part.matrix.nnz:
                parts.append(child.fit(replace(part, rules=data.fitted_rules), run=within))
                codes.append(c)
        share = count[codes] / (count[codes] + self.shrinkage) if codes else np.empty(0)
        return ByContext(
            data.users, data.items, data.fitted_rules, field, whole, tuple(parts), np.array(codes, np.int32),
            share.astype(np.float32),
        )  # fmt: skip

    def fits(self, size: Size) -> Fits:
        child, n = algorithm(self.algorithm), CLOCK.get(self.context or "weekday", 0)
        part = size.part(1 / max(n, 1))
        return [(child, size), *([(child, part)] * n if part.events >= self.least else [])]

    def cost(self, size: Size) -> Cost:
        fits = self.fits(size)
        return Cost(held(fits) + APART * fits[-1][1].events, 0.0)

    def field(self, data: Dataset) -> Field:
        """Return the context that is filtered by.

        Raises:
            UserError: the data has no such column, or it does not tell events apart.
        """
        clock = tuple(CLOCK) if data.timestamp is not None else ()
        name = self.context or next(iter((*data.context, *clock[::-1])), "")
        if name in data.context:
            found = Field.of("context", name, data.context[name])
            if found is not None and found.kind == "category":
                return found
            raise UserError(f"prefilter.context: {name!r} is no category with several values: cut it into some first")
        if name in clock:
            return Field.indexed("clock", CLOCK[name], name)
        known = ", ".join((*data.context, *clock)) or "nothing"
        hint = nearest(name, [*data.context, *clock]) if name else ""
        raise UserError(f"prefilter.context: events have no {name or 'context'!r}{hint}; they have {known}")
