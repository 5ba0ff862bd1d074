"""The scale of explicit ratings, inferred so that a few wrong numbers among them do not stretch it."""

import polars as pl

SCALES = ((0, 1), (1, 5), (0.5, 5), (0, 5), (1, 10), (0.5, 10), (0, 10), (-1, 1), (-10, 10), (1, 100), (0, 100))


def infer_scale(values: pl.Series) -> tuple[float, float] | None:
    """Return the narrowest usual scale that holds the ratings but for rare or far-off ones; None where none does.

    Rare is 1% of the rows, far off is negative or twice the top and at most a quarter of the rows. Half stars among the
    values make the lowest of them 0.5.
    """
    found = values.filter(values.is_finite())
    n = len(found)
    if not n:
        return None
    halves = (found != found.floor()).any()
    for low, high in SCALES:
        if (low, high) == (0, 1) and not (found == 0).any():
            continue
        outside = found.filter((found < low) | (found > high))
        near = (
            outside.filter((outside >= low - 1) & (outside >= 0) & (outside < low)) if low >= 0.5 else outside.head(0)
        )
        if halves and low == 1 and (near == 0.5).any():
            continue
        far = outside.filter(((outside < 0) & (low >= 0)) | (outside >= 2 * high)) if high > 1 else outside.head(0)
        if len(outside) <= 0.01 * n or (len(far) == len(outside) and len(far) <= 0.25 * n):
            return (float(low), float(high))
    return None
