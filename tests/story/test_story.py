"""`make run`: the story ends well, says what the README says, and leaves nothing behind, on Ctrl-C too."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from uuid import uuid4

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "txtproof.rehearsal"]


def environ(directory: Path, mark: str) -> dict[str, str]:
    """Return an environment in which everything that the story starts can be found again."""
    return os.environ | {"PYTHONPATH": "src", "TMPDIR": str(directory), "STORY_MARK": mark, "COLUMNS": "120"}


def processes_with(mark: str) -> list[str]:
    """Return the command lines of the processes that carry the mark; only Linux can tell."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def told(text: str) -> dict[str, list[str]]:
    """Return what was told of each domain, in order, without what differs from run to run."""
    lines = defaultdict(list)
    for line in text.splitlines():
        event = re.match(r"\d\d:\d\d:\d\d\.\d  (\S+) +(.*)", line)
        if event:
            plain = re.sub(r"(sha256|serial|serial is) [0-9a-f]+", r"\1 *", event[2])
            lines[event[1]].append(re.sub(r":\d{4,5}\)", ":*)", plain))
        elif line:
            lines[""].append(line)
    return dict(lines)


@pytest.mark.usefixtures("valkey")
def test_the_story_ends_well_in_time_says_what_the_readme_says_and_leaves_nothing(tmp_path: Path) -> None:
    mark = f"story-{uuid4()}"
    begun = time.monotonic()
    run = subprocess.run(COMMAND, cwd=ROOT, env=environ(tmp_path, mark), capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert time.monotonic() - begun < 30
    readme = (ROOT / "README.md").read_text()
    shown = re.search(r"```text\n(.*?)```", readme, re.DOTALL)
    assert shown is not None
    assert told(run.stdout) == told(shown[1])
    assert list(tmp_path.iterdir()) == []
    assert processes_with(mark) == []


@pytest.mark.usefixtures("valkey")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_story_can_be_broken_off_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    mark = f"story-{uuid4()}"
    with (tmp_path / "out").open("w+") as out:
        directory = tmp_path / "tmp"
        directory.mkdir()
        story = subprocess.Popen(COMMAND, cwd=ROOT, env=environ(directory, mark), stdout=out, stderr=out)
        wait_until(lambda: "accepted" in (tmp_path / "out").read_text(), "the story to begin")
        story.send_signal(number)
        # an impatient second one must not leave anything behind either
        story.send_signal(number)
        assert story.wait(30) == 130
    assert (tmp_path / "out").read_text().endswith("Stopped; nothing is left behind.\n")
    assert list(directory.iterdir()) == []
    assert processes_with(mark) == []


def test_wrong_usage_of_the_rehearsal_is_said_in_words(tmp_path: Path) -> None:
    run = subprocess.run(
        [*COMMAND, "sing"], cwd=ROOT, env=environ(tmp_path, "-"), capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "No such command 'sing'" in run.stderr
