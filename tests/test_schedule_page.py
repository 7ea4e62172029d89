"""docs/schedule.md is what its command writes, and says what the goal is."""

from benchmarks.schedule.__main__ import written
from benchmarks.schedule.figures import beaten, measured


def test_the_page_and_its_picture_are_what_the_command_writes() -> None:
    for path, text in written().items():
        assert path.read_text() == text, f"python -m benchmarks.schedule writes another {path.name}"


def test_nobody_is_both_faster_and_cheaper_in_another_draw_either() -> None:
    assert beaten(measured(seed=2)) == []
