"""Which of two people prefer: the share with its interval, and the sign test.

Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927 (the interval); the sign
test is the exact binomial test of a half (Arbuthnott, 1710).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preference:
    """share of n decided cases that prefer the first, its 95% Wilson interval, p two-sided; None where n is 0."""

    share: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int

    @property
    def beyond_doubt(self) -> bool:
        """Whether one of the two is preferred at the 5% level."""
        return self.p is not None and self.p < 0.05


def preference(first: int, second: int) -> Preference:
    """Return what `first` cases for the one and `second` for the other say."""
    from scipy.stats import binomtest  # a second to load

    n = first + second
    if n == 0:
        return Preference(None, None, None, None, 0)
    found = binomtest(first, n, 0.5)
    interval = found.proportion_ci(0.95, method="wilson")
    return Preference(first / n, float(interval.low), float(interval.high), float(found.pvalue), n)
