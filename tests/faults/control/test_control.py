"""That the harness can fail: a plain Celery task loses and doubles work under the faults that txtproof bears."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.checker import Rule, Violation, violations
from tests.faults.control.plain import PlainArena
from tests.faults.fault import Stage
from tests.faults.of_workers import a_worker_is_frozen_hears_the_bell_and_is_killed, whole_workers_are_killed_under_load
from tests.waiting import wait_until

DOUBLED = {Rule.ORPHAN, Rule.WRONG_CODE, Rule.OVERLAP, Rule.TERMINAL_EVENTS, Rule.REPEATED_OTHERWISE}
"""What is seen of work that was done twice."""


@pytest.fixture(scope="module")
def found(valkey: object) -> Iterator[dict[str, list[Violation]]]:
    with tempfile.TemporaryDirectory(prefix="plain-celery-") as directory, PlainArena(Path(directory), 1) as arena:
        for name in ("a", "b"):
            arena.worker(name)
        wait_until(lambda: all(" ready" in arena.log(seat) for seat in arena.workers), "the workers' start", 60)
        whole_workers_are_killed_under_load(Stage(arena, "killed"))
        wait_until(lambda: all(seat.children for seat in arena.workers), "the workers' return", 20)
        a_worker_is_frozen_hears_the_bell_and_is_killed(Stage(arena, "frozen"))
        arena.settle()
        faults = {one.key: one.fault for one in arena.memory.requests}
        judged: dict[str, list[Violation]] = {"killed": [], "frozen": []}
        for one in violations(arena.account()):
            # what Celery may still hand out again, an hour later by default, is late and not lost
            late = one.rule is Rule.LOST and one.key and arena.known_to_the_broker(one.key)
            if one.key in faults and not late:
                judged[faults[one.key]].append(one)
        yield judged


@pytest.mark.timeout(180)
def test_a_plain_task_is_lost_or_doubled_when_its_worker_is_killed(found: dict[str, list[Violation]]) -> None:
    seen = Counter(one.rule for one in found["killed"])
    assert seen[Rule.LOST] or any(seen[rule] for rule in DOUBLED), seen


@pytest.mark.timeout(180)
def test_a_plain_task_is_lost_with_the_frozen_worker_that_it_was_handed_to(found: dict[str, list[Violation]]) -> None:
    assert [one for one in found["frozen"] if one.rule is Rule.LOST]
