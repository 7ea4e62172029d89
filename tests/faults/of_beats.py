"""Faults of beats: too many, none, and one whose clock is an hour off."""

import os
import time
from pathlib import Path

import pytest

from tests.faults.fault import Stage
from txtproof.core.schedule import CURVE

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
"""Debian's libfaketime, which shows one process another time."""
BEHIND = 12.0
"""Seconds with no beat but one whose clock is behind."""
SILENCE = 60.0
"""Seconds without any; the looks at a record that is not there yet go on meanwhile."""
LATE = 10.0
"""Seconds that a look may be late."""
WATCHED = 8.0
HOUR = "3600"


def beats_are_many_none_and_wrong(stage: Stage) -> None:
    """Run five beats, one of them an hour ahead and one behind; then only the one behind; then none."""
    arena = stage.arena
    regular = [*arena.beats]
    more = [arena.beat(f"more-{place}") for place in range(2)]
    wrong = [arena.beat(f"wrong-{sign}", _shifted(sign)) for sign in "+-"]
    _expect_looks(stage, WATCHED, "five beats, two of them an hour off")
    for seat in (*regular, *more, wrong[0]):
        seat.retire()
    _expect_looks(stage, BEHIND, "the only beat an hour behind")
    wrong[1].retire()
    _expect_looks(stage, SILENCE, "no beat")
    arena.beats.clear()
    arena.beat("again")


def _expect_looks(stage: Stage, seconds: float, when: str) -> None:
    """Have a server lag for so long; expect as many looks as the curve says, none multiplied, none left out."""
    arena = stage.arena
    first, second = arena.dns.addresses
    cohort = stage.cohort(5)
    (zone,) = cohort.zones
    arena.dns.hold(zone, second)
    arena.request(cohort.requests)
    time.sleep(seconds)
    most, least = _looks_in(seconds * 1.15) + 1, _looks_in(seconds / 1.15 - LATE)
    for request in cohort.requests:
        # once the second is known to be behind, it is asked first
        looks = arena.dns.looks(request.domain, first) + arena.dns.looks(request.domain, second)
        stage.expect(least <= looks <= most, f"{when}: {looks} looks at {request.domain}, not {least} to {most}")
    arena.dns.release(zone, second)
    arena.strike()
    pause = CURVE[_looks_in(seconds)].total_seconds() * 1.1
    try:
        arena.wait_until_ended(cohort.keys, pause + LATE)
    except AssertionError:
        stage.expect(False, f"{when}: a look was more than {LATE} s late")


def _looks_in(seconds: float) -> int:
    """Return how many looks the curve has within that time, the first at once."""
    looks, at = 0, 0.0
    while at <= seconds:
        at += CURVE[looks].total_seconds()
        looks += 1
    return looks


def _shifted(sign: str) -> dict[str, str]:
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": f"{sign}{HOUR}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def require_library() -> None:
    """Skip, or fail where everything must be there, on a machine without it."""
    if LIBRARY is None:
        missing = "libfaketime is missing: apt-get install faketime"
        if os.environ.get("TXTPROOF_REQUIRE_SERVERS") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
