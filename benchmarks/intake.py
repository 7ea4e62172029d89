"""How long it takes to take in commands: from the stream to rows, with a backlog that was there before the workers."""

import json
import time
from typing import Any

from benchmarks import results
from benchmarks.children import run_main
from benchmarks.engine import Engine, Ground
from benchmarks.machine import CpuWatch
from benchmarks.rows import ORGANIZATION, domain_of
from config.celery_options import COMMANDS

SIZES = (10_000, 100_000, 1_000_000)
STREAM = "txtproof:commands"
AT_ONCE = 1_000
TICK = 0.1
STALLS_AFTER = 60.0
"""Seconds without a new row after which the run has failed."""


def main() -> None:
    """Run it, the intake alone at every size, and beside everything else at the second."""
    largest = ("--largest", {"type": int, "default": SIZES[-1], "help": "most commands"})
    given = results.arguments(__doc__ or "", largest)
    sizes = (1_000,) if given.quick else tuple(size for size in SIZES if size <= given.largest)
    figures: dict[str, Any] = {
        "alone": [_take_in(count, alone=True) for count in sizes],
        "beside the rest": [_take_in(count, alone=False) for count in sizes[:2]],
    }
    results.write("intake", figures, quick=given.quick)


def _take_in(count: int, *, alone: bool) -> dict[str, Any]:
    """Put the commands on the stream, start a worker, and wait until each has its row.

    Alone means that the pool hears no bells: the worker serves the other queue, so that Nexus is not called and all
    that runs is the intake. Otherwise a whole worker runs, and the calls find nobody at Nexus's address.
    """
    with Ground() as ground:
        sent = _send(ground, count)
        kept = ground.used_memory()
        options = ["-Q", COMMANDS] if alone else []
        with Engine(ground, ground.settings(), 1, options) as engine:
            begun, rows_before = _first_row(ground)
            watch = CpuWatch({"main process": engine.main_pids(), "Valkey": [ground.valkey_pid]})
            seconds = _until_all(ground, engine, count, begun)
            figures = {
                "commands": count,
                "seconds": round(seconds, 2),
                "per second": round((count - rows_before) / seconds, 1),
                "sent per second by a bare XADD": round(sent, 1),
                "bytes per command, its row and event": round((ground.used_memory() - kept) / count),
                "cpu": watch.spent(),
            }
        print(figures)
        return figures


def _send(ground: Ground, count: int) -> float:
    begun = time.monotonic()
    for start in range(1, count + 1, AT_ONCE):
        with ground.client.pipeline(transaction=False) as pipe:
            for number in range(start, min(start + AT_ONCE, count + 1)):
                data = {"organizationId": ORGANIZATION, "domainId": number, "domain": domain_of(number)}
                pipe.xadd(STREAM, {"event": json.dumps(data)})
            pipe.execute()
    return count / (time.monotonic() - begun)


def _rows(ground: Ground) -> int:
    """Return how many keys there are, which but for a handful are rows."""
    answer: Any = ground.client.dbsize()
    return int(answer)


def _first_row(ground: Ground) -> tuple[float, int]:
    """Wait until the worker has begun, so that its start is not counted; return when, and what was there by then."""
    at_start = _rows(ground)
    deadline = time.monotonic() + STALLS_AFTER
    while (rows := _rows(ground)) <= at_start + 1:
        if time.monotonic() > deadline:
            raise RuntimeError("the intake does not begin")
        time.sleep(TICK / 10)
    return time.monotonic(), rows - at_start


def _until_all(ground: Ground, engine: Engine, count: int, begun: float) -> float:
    most, moved = 0, time.monotonic()
    while True:
        rows = _rows(ground)
        # the stream is a key too
        if rows > count:
            return time.monotonic() - begun
        if rows > most:
            most, moved = rows, time.monotonic()
        engine.check()
        if time.monotonic() - moved > STALLS_AFTER:
            raise RuntimeError(f"the intake stands still at {rows} of {count} rows")
        time.sleep(TICK)


if __name__ == "__main__":
    run_main(main)
