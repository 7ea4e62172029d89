"""A campaign: faults thrown one after the other in one arena, and the verdict on each.

One arena for all, since a lease lasts a minute: what one fault has left to time is settled while others are thrown.
Each has verifications of its own, so that what is found is held against the right one.
"""

import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tests.faults.arena import Arena
from tests.faults.checker import violations
from tests.faults.fault import Afterwards, Fault, Stage
from tests.waiting import wait_until

T = TypeVar("T")

Verdicts = dict[str, list[str]]


def run(directory: Path, seed: int, faults: Sequence[Fault], broker_url: str | None) -> Verdicts:
    """Throw these faults; return what is held against each, nothing where it went well."""
    with Arena(directory, seed, broker_url) as arena:
        for name in ("a", "b"):
            arena.worker(name)
            arena.beat(name)
        wait_until(lambda: all(" ready" in arena.log(seat) for seat in arena.workers), "the workers' start", 60)
        stages = {fault.name: Stage(arena, fault.name) for fault in faults}
        waiting: list[tuple[Stage, Afterwards]] = []
        for fault in faults:
            stage = stages[fault.name]
            later = _held_against(stage, lambda fault=fault, stage=stage: fault.throw(stage))  # type: ignore[misc]  # defaults bind them
            waiting += [(stage, later)] if later is not None else []
            waiting = _done_with(waiting, time.monotonic())
        _done_with(waiting, max((later.due for _, later in waiting), default=0.0))
        arena.settle()
        return _verdicts(arena, stages)


def _done_with(waiting: list[tuple[Stage, Afterwards]], until: float) -> list[tuple[Stage, Afterwards]]:
    """Do what is due by then, in its time; return what is not."""
    for stage, later in sorted(waiting, key=lambda one: one[1].due):
        if later.due <= until:
            time.sleep(max(0.0, later.due - time.monotonic()))
            _held_against(stage, later.act)
    return [one for one in waiting if one[1].due > until]


def _held_against(stage: Stage, act: Callable[[], T]) -> T | None:
    try:
        return act()
    except Exception as failed:  # noqa: BLE001  # the others are thrown all the same
        place = traceback.extract_tb(failed.__traceback__)
        where = " < ".join(f"{one.name}:{one.lineno}" for one in reversed(place[-3:]))
        stage.complaints.append(f"{type(failed).__name__}: {failed} ({where})")
        return None


def _verdicts(arena: Arena, stages: dict[str, Stage]) -> Verdicts:
    faults = {one.key: one.fault for one in arena.memory.requests}
    verdicts = {name: list(stage.complaints) for name, stage in stages.items()}
    for found in violations(arena.account()):
        # what belongs to nobody is everybody's
        for name in [faults[found.key]] if found.key in faults else list(verdicts):
            verdicts[name].append(f"{found} [{', '.join(arena.outbox.kinds(found.key)) if found.key else ''}]")
    return verdicts
