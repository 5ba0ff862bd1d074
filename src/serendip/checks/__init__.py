"""The public contract suite: what every algorithm, yours too, has to keep.

>>> from serendip.checks import CHECKS
>>> from serendip.models.popular import Popular
>>> for check in CHECKS:
...     if check.applies(Popular()):
...         check.run(Popular())
"""

from serendip.checks.contract import CHECKS, Check

__all__ = ["CHECKS", "Check"]
