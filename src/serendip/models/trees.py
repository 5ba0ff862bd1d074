"""Boosted trees by LightGBM, kept as its own text.

Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017; lambdarank as in Burges, "From
RankNet to LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from serendip.arrays import F32, I64, U8, Bool
from serendip.errors import UserError
from serendip.kernels.compiled import default_threads
from serendip.models.contract import Run
from serendip.models.cost import Cost

LIBRARY = 110_000_000  # bytes of LightGBM itself
GROWN = 40  # bytes of a row beside its columns: gradients, scores, in which leaf it is
FEW = 200_000  # rows below which threads wait for each other longer than they work
PATIENCE = 30  # trees without a better one end a fit


def lightgbm() -> Any:
    """Return the library.

    Raises:
        UserError: it is not installed.
    """
    try:
        import lightgbm
    except ImportError:
        raise UserError("boosted trees need LightGBM: install it with `pip install serendip[trees]`") from None
    return lightgbm


def grown(
    x: F32, label: F32, group: I64 | None, held_out: Bool, settings: Mapping[str, object],
    trees: int, n_codes: int, run: Run,
) -> U8:  # fmt: skip
    """Return the trees that rows teach, as many as are best for the rows held out.

    x (n, d), the last n_codes columns codes of categories; label (n,); group: how many rows each question has, in
    order, for lambdarank; None for a label of each row by itself.
    """
    library = lightgbm()
    categories = list(range(x.shape[1] - n_codes, x.shape[1]))

    def part(rows: Bool, reference: Any = None) -> Any:
        sizes = None
        if group is not None:
            of = np.repeat(np.arange(len(group)), group)
            sizes = np.bincount(of[rows], minlength=len(group))
            sizes = sizes[sizes > 0]
        return library.Dataset(x[rows], label[rows], reference, group=sizes, categorical_feature=categories)

    threads = 1 if len(x) < FEW else run.threads or default_threads()
    fixed: dict[str, object] = {"num_threads": threads, "seed": run.seed, "deterministic": True, "verbose": -1}
    fixed["force_row_wise"] = True  # else a timing decides, and with it the order of sums
    if group is not None:
        fixed |= {"objective": "lambdarank", "metric": "ndcg", "eval_at": [10], "lambdarank_truncation_level": 20}
    else:
        fixed |= {"objective": "binary", "metric": "binary_logloss"}
    learnt = part(~held_out)
    callbacks = [lambda grown: run.report("trees", grown.iteration, trees)]
    callbacks += [library.early_stopping(PATIENCE, verbose=False)] if held_out.any() else []
    valid = [part(held_out, learnt)] if held_out.any() else []
    booster = library.train(dict(settings) | fixed, learnt, trees, valid_sets=valid, callbacks=callbacks)
    best = booster.best_iteration if held_out.any() else -1
    return np.frombuffer(booster.model_to_string(num_iteration=best).encode(), np.uint8)


def growing(rows: float, columns: int, trees: int) -> Cost:
    """Return what `grown` costs beside the rows, were no tree too many."""
    return Cost(LIBRARY + rows * (6 * columns + GROWN), trees * rows * columns)


def predicted(booster: Any, x: F32, *, raw: bool = False) -> F32:
    """Return what trees say of rows, a probability where they learned one; raw: their sum.  # (n, d) -> (n,)"""
    if not len(x):
        return np.empty(0, np.float32)
    threads = 1 if len(x) < FEW else default_threads()
    return np.asarray(booster.predict(x, num_threads=threads, raw_score=raw), np.float32)


def read_trees(text: U8) -> Any:
    """Return the trees of a text."""
    return lightgbm().Booster(model_str=text.tobytes().decode())
