"""What it ran on, and what the kernel says of processes: CPU time and memory, from /proc (Linux)."""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process so far, user and system; 0 where it has ended (proc(5): stat, 14 and 15)."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def session_of(leader: int) -> list[int]:
    """Return the processes of a session: what was started with one, and what that started."""
    pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if (fields := _stat(pid)) and int(fields[3]) == leader]


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one process."""

    resident: int
    """All that is mapped: pages shared with its siblings count in each of them."""
    proportional: int
    """The same, each shared page divided by its number of users."""


def memory(pid: int) -> Memory:
    """Return what a process holds (proc(5): smaps_rollup); zeros where it has ended."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return Memory(0, 0)
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return Memory(found["Rss"], found["Pss"])


class CpuWatch:
    """Tell what CPU time named groups of processes take, and what all else on this machine does."""

    def __init__(self, groups: Mapping[str, Iterable[int]]) -> None:
        self._groups = {name: list(pids) for name, pids in groups.items()}
        self._before = self._read()

    def spent(self) -> dict[str, float]:
        """Return the CPU seconds of each group, and of everything else, since the watch was made."""
        return {name: round(max(now - self._before[name], 0.0), 3) for name, now in self._read().items()}

    def _read(self) -> dict[str, float]:
        each = {name: sum(map(cpu_seconds, pids)) for name, pids in self._groups.items()}
        return {**each, "all else": _busy_seconds() - sum(each.values())}


def description() -> dict[str, str]:
    """Describe the machine and the software, for whoever compares figures."""
    return {
        "cpu": f"{_cpu_model()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in ("celery", "redis", "dnspython", "httpx")),
        "commit": _commit(),
    }


def _busy_seconds() -> float:
    """Return the CPU time of the whole machine that was not idle (proc(5): stat; 4 and 5 are idle and iowait)."""
    fields = [int(field) for field in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def _stat(pid: int) -> list[str]:
    """Return the fields after the command's name, which may hold blanks; [0] is the state, [3] the session."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_model() -> str:
    lines = (PROC / "cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def _commit() -> str:
    try:
        asked = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
