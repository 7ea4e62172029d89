"""One run: a library, or dnsperf, in a process of its own on a core of its own."""

import json
import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.children import program
from benchmarks.dns_ground import Ground, cores, on_core
from benchmarks.dns_names import HELD, held, missing
from benchmarks.dns_rivals import ROOT
from benchmarks.dns_task import MISSES, Done, Task

ENDS_WITHIN = 60.0
"""Seconds for start and end of a process, beside those that it asks for."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave."""

    rate: float
    """Names per second about which the truth was said."""
    cpu: float
    """Microseconds of CPU time for each of them, of the process that asks."""
    wrong: int
    questions: float
    """For each name, as the name server counts them."""


def run_library(python: str, task: Task, ground: Ground) -> Run:
    """Run a library. Raises RuntimeError with the end of what it said where it fails."""
    before = sum(ground.knot.questions().values())
    command = [*on_core(cores()[0]), python, "-m", "benchmarks.dns_client", task.to_json()]
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    with ground.standing():
        said = _said(command, task.warm + task.seconds, environ)
    done = Done(**json.loads(said))
    asked = sum(ground.knot.questions().values()) - before
    return Run(
        done.right / done.seconds,
        done.cpu / max(done.right, 1) * 1e6,
        done.wrong,
        asked / max(done.names, 1),
    )


def run_dnsperf(task: Task, ground: Ground) -> Run:
    """Run dnsperf, which asks one server, one question a name, and does not look at what the answers say."""
    name_of = missing if task.kind == MISSES else held
    with tempfile.NamedTemporaryFile("w", prefix="txtproof-dnsperf-") as names:
        names.writelines(f"{name_of(number)} TXT\n" for number in range(5 * HELD))
        names.flush()
        where = ["-s", task.addresses[0], "-p", str(task.port), "-d", names.name]
        how = ["-e", "-T", "1", "-q", str(task.at_once), "-l", str(round(task.seconds)), "-t", "1"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with ground.standing():
            said = _said([*on_core(cores()[0]), program("dnsperf", "dnsperf"), *where, *how], task.seconds, None)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    completed = int(_number(r"Queries completed:\s+(\d+)", said))
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lost = int(_number(r"Queries lost:\s+(\d+)", said))
    return Run(_number(r"Queries per second:\s+([\d.]+)", said), spent / max(completed, 1) * 1e6, lost, 1.0)


def best_at_once(run: Callable[[int], Run], choices: Iterable[int]) -> int:
    """Return the number of names under way together with which one is fastest. Raises RuntimeError where none works."""
    rates, reason = {}, ""
    for at_once in choices:
        try:
            rates[at_once] = run(at_once).rate
        except RuntimeError as failed:
            reason = str(failed)
    if not rates:
        raise RuntimeError(reason)
    return max(rates, key=lambda one: rates[one])


def _said(command: list[str], seconds: float, environ: dict[str, str] | None) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environ, timeout=seconds + ENDS_WITHIN
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError("it does not end") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise RuntimeError(f"it has ended with {done.returncode}: {last[:200]}")
    return done.stdout


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError("dnsperf says something unexpected")
    return float(found[1])
