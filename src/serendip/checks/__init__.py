"""The public contract suite: what every algorithm, yours too, has to keep.

>>> from serendip.checks import check
>>> from serendip.models.popular import Popular
>>> check(Popular())
"""

from serendip.checks.contract import CHECKS, Check
from serendip.checks.own import check

__all__ = ["CHECKS", "Check", "check"]
