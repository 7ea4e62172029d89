"""Where the time of later looks goes: py-spy's samples of the process that does them, by part."""

import re
import subprocess
import time
from collections import Counter
from pathlib import Path

from benchmarks import results
from benchmarks.children import run_main
from benchmarks.engine import Engine, Ground
from benchmarks.lane import Lane, wait_for_start
from benchmarks.machine import cpu_seconds
from benchmarks.rows import seed

PY_SPY = Path(".venv-profile/bin/py-spy")
HERTZ = 400
STARTS_WITHIN = 60.0

PARTS: tuple[tuple[str, str], ...] = (
    ("looks: our code", r"txtproof/adapters/dns/"),
    ("looks: dnspython", r"(^|site-packages/)dns/"),
    ("store: our code", r"txtproof/adapters/redis_(store|connection)|txtproof/adapters/.*(row|store)"),
    ("store: redis-py", r"(^|site-packages/)redis/"),
    ("documents", r"txtproof/adapters/documents|(^|site-packages/)pydantic"),
    ("events", r"txtproof/adapters/cloud_events"),
    ("decisions", r"txtproof/core/"),
    ("workflow", r"txtproof/"),
    ("Celery", r"(^|site-packages/)(celery|kombu|billiard|vine|amqp)/|tasks/|worker/"),
    ("event loop and sockets", r"asyncio/|selectors\.py|socket\.py"),
)
"""A sample belongs to the part of its innermost frame that is in one: the standard library works for its caller."""


def main() -> None:
    """Run it."""
    given = results.arguments(__doc__ or "", ("--py-spy", {"type": Path, "default": PY_SPY, "help": "the program"}))
    count, seconds = (2_000, 2) if given.quick else (80_000, 5)
    if not given.py_spy.exists():
        raise RuntimeError(f"{given.py_spy} is missing: run `make bench-scale`, which sets it up")
    with Ground() as ground:
        # once looked at, so that its zone is known: a first look is another matter
        seed(ground.valkey.url, count, 1)
        lane = Lane(ground.valkey.url)
        mark = lane.now()
        with Engine(ground, ground.settings()) as engine:
            wait_for_start(lane, mark, count, STARTS_WITHIN)
            busiest = _busiest(engine)
            raw = _recorded(given.py_spy, busiest, seconds, ground.directory / "profile.raw")
            left = lane.sample(mark).left
    parts, functions, samples = _sorted_out(raw)
    figures = {
        "samples": samples,
        "rows left at the end": left,
        "parts": {part: round(number / samples * 100, 1) for part, number in parts.most_common()},
        "functions": {name: round(number / samples * 100, 1) for name, number in functions.most_common(15)},
    }
    results.write("profiling", figures, quick=given.quick)


def _busiest(engine: Engine) -> int:
    """Return the process that uses the CPU most: the one that has the lane."""
    before = {pid: cpu_seconds(pid) for pid in engine.worker_pids()}
    time.sleep(0.5)
    return max(before, key=lambda pid: cpu_seconds(pid) - before[pid])


def _recorded(py_spy: Path, pid: int, seconds: int, output: Path) -> str:
    options = ["--pid", str(pid), "--duration", str(seconds), "--rate", str(HERTZ), "--format", "raw"]
    done = subprocess.run(
        [str(py_spy), "record", *options, "--output", str(output)], capture_output=True, text=True, check=False
    )
    if done.returncode or not output.exists():
        raise RuntimeError(f"py-spy: {done.stderr.strip()[-500:]}")
    return output.read_text()


def _sorted_out(raw: str) -> tuple[Counter[str], Counter[str], int]:
    """Read `frame;frame;frame count` lines; return samples by part, by innermost function, and how many there are."""
    parts: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, number = line.rpartition(" ")
        frames = stack.split(";")
        parts[_part(frames)] += int(number)
        functions[re.sub(r":\d+\)$", ")", frames[-1])] += int(number)
    return parts, functions, max(parts.total(), 1)


def _part(frames: list[str]) -> str:
    for frame in reversed(frames):
        found = re.search(r"\((.*?)(:\d+)?\)$", frame)
        place = found[1] if found else frame
        for part, pattern in PARTS:
            if re.search(pattern, place):
                return part
    return "other"


if __name__ == "__main__":
    run_main(main)
