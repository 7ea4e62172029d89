"""Names per second: the engine, other libraries, and dnsperf as the limit; one name server, the same cores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace  # noqa: TID251  # a task is read where no Struct is installed
from statistics import median
from typing import Any

from benchmarks import results
from benchmarks.children import run_main
from benchmarks.dns_ground import Ground, Way, ground
from benchmarks.dns_rivals import ALL, REFERENCE, Rival, python_of, version_of
from benchmarks.dns_run import Run, best_at_once, run_dnsperf, run_library
from benchmarks.dns_task import MATCHES, MISSES, PROOFS, Task

WAYS = (Way("0 ms"), Way("20 ms", 20), Way("100 ms", 100), Way("0 ms, one of four dead", dead=True))
LIMIT = "dnsperf"
NEARBY = {MISSES: (64, 256, 1024), MATCHES: (64, 256, 1024), PROOFS: (16, 64, 256)}
FAR_AWAY = {MISSES: (256, 1024, 2048, 4096), MATCHES: (256, 1024, 2048, 4096), PROOFS: (64, 256, 1024)}
"""Names under way together: each library gets whichever of these suits it best, anew in each table; the proofs fewer,
since each of them is nine questions."""
DNSPERF = (50, 100, 200)
"""For dnsperf nearby: more at once than the name server has room for are lost."""
REPEATS = 3
WARM, SECONDS, QUICK = 0.7, 1.5, 1.0
"""Seconds before those that count; those that count; and those of a quick run."""
ROUND_TRIPS = 20
"""More of them before those that count: whoever begins with few questions has found by then how many there may be."""
SLOW = 3.0
"""Times as long, where a match waits out the dead server."""


@dataclass(slots=True)
class Side:
    """One line of a table: who asks, and the runs."""

    name: str
    run: Callable[[Task], Run]
    at_once: int = 0
    runs: list[Run] = field(default_factory=list)
    failed: str = ""


def main() -> None:
    """Run it."""
    given = results.arguments(__doc__ or "", ("--ways", {"type": int, "nargs": "*", "help": "only these, from 0"}))
    ways = [WAYS[number] for number in given.ways] if given.ways else [*WAYS]
    repeats = 1 if given.quick else REPEATS
    pythons, skipped = _installed()
    tables = [_table(way, pythons, repeats, quick=given.quick) for way in ways]
    figures = {
        "repeats": repeats,
        "seconds": SECONDS,
        "warm": WARM,
        "versions": {one.package: version_of(one.package) for one in ALL if one.package},
        "not installed": skipped,
        "tables": tables,
    }
    results.write("dns_speed", figures, quick=given.quick)


def _installed() -> tuple[dict[str, str], dict[str, str]]:
    """Return each library's interpreter, and why there is none."""
    pythons, skipped = {}, {}
    for one in ALL:
        try:
            pythons[one.name] = python_of(one.package)
        except RuntimeError as reason:
            skipped[one.name] = str(reason)
    return pythons, skipped


def _table(way: Way, pythons: Mapping[str, str], repeats: int, *, quick: bool) -> dict[str, Any]:
    print(f"-- {way.name}", flush=True)
    table: dict[str, Any] = {"way": way.name, "delay": way.delay, "dead": way.dead}
    try:
        with ground(way) as place:
            return table | {
                "kinds": {kind: _kind(way, kind, place, pythons, repeats, quick=quick) for kind in _kinds(way)}
            }
    except RuntimeError as reason:
        return table | {"skipped": str(reason)}


def _kinds(way: Way) -> Sequence[str]:
    # what to make of a server that never answers is for the caller of a library to say
    return [kind for kind in (MISSES, MATCHES, PROOFS) if kind != PROOFS or not way.dead]


def _kind(
    way: Way, kind: str, place: Ground, pythons: Mapping[str, str], repeats: int, *, quick: bool
) -> dict[str, Any]:
    choices = (FAR_AWAY if way.delay else NEARBY)[kind]
    warm, seconds = (QUICK / 2, QUICK) if quick else (WARM, SECONDS)
    longer = SLOW if way.dead and kind != MISSES else 1.0
    begins = warm * longer + ROUND_TRIPS * way.delay / 1000
    task = Task("", kind, place.addresses, place.knot.port, choices[1], begins, seconds * longer)
    sides = [
        _library(one, pythons[one.name], place) for one in ALL if one.name in pythons and (one.proofs or kind != PROOFS)
    ]
    if kind != PROOFS and not way.dead:
        # it asks one server and does nothing about a dead one
        sides.append(Side(LIMIT, lambda task: run_dnsperf(task, place)))
    for side in sides:
        of_its_own = DNSPERF if side.name == LIMIT and not way.delay else choices
        _choose(side, task, of_its_own[1:2] if quick else of_its_own)
    for _ in range(repeats):
        for side in sides:
            _add(side, task)
    return _told(sides)


def _library(rival: Rival, python: str, place: Ground) -> Side:
    return Side(
        rival.name,
        lambda task: run_library(python, replace(task, rival=rival.module, batch=rival.batch), place),
    )


def _choose(side: Side, task: Task, choices: Sequence[int]) -> None:
    trial = replace(task, warm=task.warm / 2, seconds=task.seconds / 2)
    try:
        side.at_once = best_at_once(lambda at_once: side.run(replace(trial, at_once=at_once)), choices)
    except RuntimeError as failed:
        side.failed = str(failed)


def _add(side: Side, task: Task) -> None:
    """Run it once more, unless it has failed already: what fails once has no figures."""
    if side.failed:
        return
    try:
        side.runs.append(side.run(replace(task, at_once=side.at_once)))
    except RuntimeError as failed:
        side.failed = str(failed)


def _told(sides: Sequence[Side]) -> dict[str, Any]:
    against = next((side.runs for side in sides if side.name == REFERENCE), [])
    told: dict[str, Any] = {}
    for side in sides:
        if side.failed:
            told[side.name] = {"failed": side.failed}
            continue
        pairs = zip(side.runs, against, strict=False)
        ratios = [run.rate / other.rate for run, other in pairs if other.rate]
        told[side.name] = {
            "rate": results.spread([run.rate for run in side.runs]),
            "ratio": results.spread(ratios, 2) if ratios else None,
            "cpu": results.spread([run.cpu for run in side.runs]),
            "at once": side.at_once,
            "questions": round(median(run.questions for run in side.runs), 2),
            "wrong": sum(run.wrong for run in side.runs),
        }
        print(f"   {side.name}: {told[side.name]['rate']['median']:,.0f} a second", flush=True)
    return told


if __name__ == "__main__":
    run_main(main)
