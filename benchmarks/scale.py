"""10,000, 100,000 and 1,000,000 pending: bytes per row, memory of the workers, looks per second, lateness."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from benchmarks import results
from benchmarks.children import run_main
from benchmarks.engine import Engine, Ground
from benchmarks.lane import Lane, Sample, wait_for_start
from benchmarks.machine import memory
from benchmarks.rows import LATE, pause_of, seed

Step = tuple[int, int]
"""Looks, and the milliseconds that they took."""

SIZES = (10_000, 100_000, 1_000_000)
ROUND = timedelta(minutes=15)
"""At the end of the curve each row is due once in that time."""
BOOT = 8.0
"""Seconds from the start of the workers to the first due time of a schedule."""
SET_PER_SECOND = 50_000
"""Rows whose due time can be set in a second, at the least."""
GRACE = 5_000
"""Milliseconds at the end of a run: what is due in them may be looked at after it."""
STARTS_WITHIN = 60.0
WARM = 5_000
"""Looks that are not counted: caches and connections are cold."""
PARTS = 3
REWRITTEN_WITHIN = 120.0
"""Seconds."""
RENEWED = 100_000
"""Rows that are made due again, where there are no more than so many."""
ROUND_ENDS_WITHIN = 5.0
"""Seconds for the last tenth of the rows."""
REPEATS = 3


def main() -> None:
    """Run it: the smallest size once more at the end, so that a machine that got slower or faster shows."""
    largest = ("--largest", {"type": int, "default": SIZES[-1], "help": "largest number of pending rows"})
    given = results.arguments(__doc__ or "", largest)
    sizes = (1_000, 2_000) if given.quick else tuple(size for size in SIZES if size <= given.largest)
    window, schedule = (2.0, 8.0) if given.quick else (10.0, 60.0)
    figures = {
        "sizes": [_size(count, window, schedule) for count in sizes],
        "smallest again": [_size(sizes[0], window) for _ in range(1 if given.quick else REPEATS)],
    }
    results.write("scale", figures, quick=given.quick)


def _size(count: int, window: float, schedule: float = 0.0) -> dict[str, Any]:
    with Ground() as ground:
        before = ground.used_memory()
        begun = time.monotonic()
        seed(ground.valkey.url, count, LATE)
        figures: dict[str, Any] = {
            "pending": count,
            "seeded in s": round(time.monotonic() - begun, 1),
            "bytes per row": round((ground.used_memory() - before) / count),
        }
        lane = Lane(ground.valkey.url)
        due = _spread(lane, count)
        if schedule:
            figures["lateness"] = _lateness(ground, lane, due, schedule)
        figures.update(_speed(ground, lane, due, window))
        figures["bytes per row after looks"] = round((ground.used_memory() - before) / count)
        print(figures)
        return figures


def _spread(lane: Lane, count: int) -> dict[int, int]:
    """Spread the rows over a quarter of an hour, as they are at the end of the curve; return when each is due."""
    start = lane.now() + round((BOOT + count / SET_PER_SECOND) * 1000)
    spacing = ROUND / timedelta(milliseconds=1) / count
    # neighbours in number are not neighbours in time
    due = {number: start + round(number * 7919 % count * spacing) for number in range(1, count + 1)}
    lane.set_due(due)
    return due


def _lateness(ground: Ground, lane: Lane, due: Mapping[int, int], seconds: float) -> dict[str, Any]:
    """Run the schedule for so many seconds; return how late the looks were, in ms.

    When a row was looked at follows from its next due time, by the schedule's own jitter: nothing is sampled. What
    was due and not looked at counts as late by all the time until the end.
    """
    with Engine(ground, ground.settings()) as engine:
        time.sleep(max(0.0, (min(due.values()) - lane.now()) / 1000) + seconds)
        engine.check()
        end = lane.now()
    late = sorted(
        _looked_at(number, score, due[number], end) - due[number]
        for number, score in lane.scores()
        if due[number] <= end - GRACE
    )
    if not late or late[0] < -50:
        raise RuntimeError("the schedule's pauses are other than the benchmark takes them for")
    parts = {"p50": 0.5, "p99": 0.99, "most": 1.0}
    return {"looks": len(late), **{name: results.percentile(late, part) for name, part in parts.items()}}


def _looked_at(number: int, score: int, due: int, end: int) -> int:
    """Return when a row was looked at, in ms; the end of the run where it was not."""
    # a lease is a minute; the pause after a look at the end of the curve is never under 13
    if score < due + 600_000:
        return end
    return score - round(pause_of(number) / timedelta(milliseconds=1))


def _speed(ground: Ground, lane: Lane, due: Mapping[int, int], window: float) -> dict[str, Any]:
    """Make all that was not looked at due at once; return looks per second while there is more, and memory.

    Few rows are made due again and again, until it has lasted as long as with many: a server that has just been started
    and a script that has never been run are no measure of what lasts.
    """
    now = lane.now()
    lane.set_due({number: now for number, score in list(lane.scores()) if score == due[number]})
    rows = lane.rows(len(due)) if len(due) <= RENEWED else []
    _rewrite_file(ground)
    mark = lane.now()
    with Engine(ground, ground.settings()) as engine:
        wait_for_start(lane, mark, lane.sample(mark).left, STARTS_WITHIN)
        asked = ground.knot.questions()
        questions: dict[str, float] = {}
        steps: list[Step] = []
        while (left := PARTS * window - sum(milliseconds for _, milliseconds in steps) / 1000) > 0:
            count = lane.sample(mark).left
            _follow(lane, mark, count, until=min(count / 10, WARM))
            samples = _follow(lane, mark, count, until=count * 0.9, seconds=left)
            steps += [(b.done(count) - a.done(count), b.now - a.now) for a, b in pairwise(samples)]
            if not questions:
                questions = _questions(asked, ground.knot.questions(), samples[-1].done(count))
            if rows:
                _follow(lane, mark, count, until=count, seconds=ROUND_ENDS_WITHIN)
                mark = lane.renew(rows)
        return {
            "looks per second": results.spread(_rates(steps)),
            "questions per look": questions,
            "main process": max(memory(pid).resident for pid in engine.main_pids()),
            "largest process": max(memory(pid).resident for pid in engine.worker_pids()),
            "all processes, shared pages once": sum(memory(pid).proportional for pid in engine.worker_pids()),
            "processes": len(engine.worker_pids()),
        }


def _questions(before: Mapping[str, int], after: Mapping[str, int], looks: int) -> dict[str, float]:
    """Return the questions that a look took, by kind."""
    each = {kind: round((after[kind] - before.get(kind, 0)) / max(looks, 1), 2) for kind in after}
    return {kind: one for kind, one in each.items() if one >= 0.01}


def _rewrite_file(ground: Ground) -> None:
    """Have the append-only file rewritten: the next time is when it has doubled, at no size while looks are counted."""
    before = ground.client.info("persistence")["aof_rewrites"]
    ground.client.bgrewriteaof()
    deadline = time.monotonic() + REWRITTEN_WITHIN
    while (now := ground.client.info("persistence"))["aof_rewrite_in_progress"] or now["aof_rewrites"] == before:
        if time.monotonic() > deadline:
            raise RuntimeError("the append-only file is not rewritten")
        time.sleep(0.1)


def _follow(lane: Lane, mark: int, count: int, *, until: float, seconds: float = 600.0) -> list[Sample]:
    """Sample the lane until so many looks are done, or for so many seconds."""
    samples = [lane.sample(mark)]
    stop = time.monotonic() + seconds
    while samples[-1].done(count) < until and time.monotonic() < stop:
        time.sleep(0.02)
        samples.append(lane.sample(mark))
    return samples


def _rates(steps: Sequence[Step]) -> list[float]:
    """Return the looks per second in each of some equal parts of the time."""
    part = sum(milliseconds for _, milliseconds in steps) / PARTS
    rates, looks, passed = [], 0, 0
    for place, (more, milliseconds) in enumerate(steps, 1):
        looks, passed = looks + more, passed + milliseconds
        if passed >= part or place == len(steps):
            rates.append(looks / passed * 1000)
            looks, passed = 0, 0
    return rates[:PARTS]


if __name__ == "__main__":
    run_main(main)
