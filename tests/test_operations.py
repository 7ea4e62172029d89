"""What docs/operations.md says of crashes is shown by the tests that it names."""

import re
from pathlib import Path

from tests.faults.table import FAULTS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text()
CRASHES = PAGE.partition("## What a crash can and cannot do\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (.+\.) \| `(\S+)` \|$", CRASHES, re.MULTILINE)


def test_every_sentence_names_a_test_that_there_is() -> None:
    assert len(ROWS) == CRASHES.count("\n| ") - 1, "all rows but the head have a sentence and a test"
    sources = "\n".join(one.read_text() for one in (ROOT / "tests").rglob("test_*.py"))
    tests = {*re.findall(r"def (test_\w+)", sources), *(fault.name for fault in FAULTS)}
    assert {shown for _, shown in ROWS} <= tests


def test_every_fault_is_told_of() -> None:
    assert {fault.name for fault in FAULTS} <= {shown for _, shown in ROWS}
