"""The plan of a long run: everything that will be asked for and thrown, drawn from a seed before anything starts."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from txtproof.rehearsal.nexus import Answer

PORTION = 25
"""Verifications that are asked for together, and share a zone and what is wrong with it."""
QUIET = 0.1
"""Part of the time, at its end, in which nothing new is thrown or asked for."""

FAULTS = {
    "kill a pool child": 10,
    "kill a worker": 8,
    "freeze a worker": 4,
    "freeze a worker beyond its lease": 1,
    "replace a worker": 3,
    "kill a beat": 2,
    "cut every connection": 4,
    "lose replies": 4,
    "kill the store": 1,
    "send hostile messages": 2,
}
"""Each with its weight."""
WORLDS = {"sound": 12, "code expires": 3, "lagging server": 3, "silent server": 1, "failing Nexus": 3, "twice": 3}
NEXUS = (
    Answer(status=500),
    Answer(status=429, headers={"Retry-After": "2"}),
    Answer(reset=True),
    Answer(after=timedelta(seconds=2)),
    Answer(after=timedelta(seconds=12)),
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done at an instant, in seconds from the start."""

    at: float
    what: str
    size: int = 0
    draw: float = 0.0
    """From 0 to 1: which worker, which answer, how long."""


def plan(seed: int, seconds: float, count: int) -> list[Act]:
    """Draw everything that will be asked for and thrown."""
    drawn = random.Random(seed)
    busy = seconds * (1 - QUIET)
    acts = list(_portions(drawn, busy, count))
    at = 5.0
    while at < busy:
        (what,) = drawn.choices(list(FAULTS), list(FAULTS.values()))
        acts.append(Act(at, what, draw=drawn.random()))
        at += drawn.uniform(1.0, 6.0)
    return sorted(acts, key=lambda one: one.at)


def _portions(drawn: random.Random, busy: float, count: int) -> Iterator[Act]:
    asked = 0
    while asked < count:
        size = min(PORTION, count - asked)
        (world,) = drawn.choices(list(WORLDS), list(WORLDS.values()))
        yield Act(busy * asked / count, world, size, drawn.random())
        asked += size
