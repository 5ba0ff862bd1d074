"""The page of faults: each line names a test, and the test is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_each_line_names_tests_that_are_there() -> None:
    page = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ") and not line.endswith("shown by |")]
    assert len(lines) > 25
    for line in lines:
        named = NAMED.findall(line)
        assert named, line
        for file, test in named:
            there = re.search(rf"^(def {test}\(|{test} = )", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
            assert there, f"{file} has no {test}"
