"""The peak of memory is seen, and only the peak of what ran meanwhile."""

import numpy as np

from serendip.evaluation.memory import RESET, PeakMemory


def test_a_peak_counts_even_if_it_is_gone_at_the_end():
    with PeakMemory() as idle:
        pass
    with PeakMemory() as busy:
        np.ones(12_500_000).sum()  # 95 MB, freed at once
    assert busy.mb > idle.mb + 80
    if RESET.exists():
        with PeakMemory() as after:
            pass
        assert after.mb < busy.mb - 80
