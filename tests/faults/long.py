"""The long form: thousands of verifications under faults that a seed draws (`make faults SEED=7`).

The whole plan is drawn before anything starts: the same seed gives the same faults at the same instants.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.faults.arena import LEASE, Arena, Cohort
from tests.faults.checker import Violation, violations
from tests.faults.of_messages import HOSTILE
from tests.faults.of_the_store import AWAY
from tests.faults.plan import FAULTS, NEXUS, PORTION, Act, plan
from tests.faults.processes import Seat, kill
from tests.waiting import wait_until
from txtproof.rehearsal.name_server import Trouble

WORKERS = 3
BEATS = 2
ENDED_WITHIN = LEASE + timedelta(seconds=60)
"""After the last fault that met a verification: a lease, a call that nobody answers, a pause, and a queue before it."""
SHOWN = 50
"""Findings that are printed."""


class Run:
    """One run of a plan in an arena."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._begun = time.monotonic()
        self._serial = WORKERS

    def follow(self, acts: list[Act]) -> None:
        """Do everything at its time, and what has to be undone."""
        self._begun = time.monotonic()
        for act in acts:
            self._wait_for(act.at)
            if act.what in FAULTS:
                self._say(act.what)
                self._arena.strike()
                self._throw(act)
            else:
                self._ask(act)
        while self._later:
            self._wait_for(self._later[0][0])

    def _wait_for(self, at: float) -> None:
        while True:
            now = time.monotonic() - self._begun
            due = [one for one in self._later if one[0] <= now]
            self._later = sorted((one for one in self._later if one[0] > now), key=lambda one: one[0])
            for _, undo in due:
                self._arena.strike()
                undo()
            if now >= at:
                return
            time.sleep(min(0.05, at - now))

    def _afterwards(self, seconds: float, undo: Callable[[], None]) -> None:
        self._later.append((time.monotonic() - self._begun + seconds, undo))
        self._later.sort(key=lambda one: one[0])

    def _say(self, what: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self._begun:7.1f} s  {what}\n")
        sys.stdout.flush()

    # What is asked for

    def _ask(self, act: Act) -> None:
        lives = [timedelta(seconds=3 + 5 * act.draw)] if act.what == "code expires" else []
        answers = [NEXUS[int(act.draw * len(NEXUS))]] if act.what == "failing Nexus" else []
        cohort = self._arena.cohort(act.what, act.size, first_lifetimes=lives, answers=answers)
        self._trouble(act, cohort)
        self._arena.request(cohort.requests * (2 if act.what == "twice" else 1))

    def _trouble(self, act: Act, cohort: Cohort) -> None:
        dns, (zone,) = self._arena.dns, cohort.zones
        second = dns.addresses[1]
        if act.what in ("code expires", "lagging server"):
            dns.hold(zone, second)
        elif act.what == "silent server":
            dns.trouble(zone, second, list(Trouble)[int(act.draw * len(Trouble))])
        else:
            return
        self._afterwards(2 + 15 * act.draw, lambda: dns.release(zone, second))

    # What is thrown

    def _throw(self, act: Act) -> None:
        arena = self._arena
        seat = arena.workers[int(act.draw * len(arena.workers))]
        match act.what:
            case "kill a pool child":
                kill(seat.children[:1])
            case "kill a worker":
                seat.kill()
            case "freeze a worker" | "freeze a worker beyond its lease":
                self._freeze(seat, 65.0 if "lease" in act.what else 1 + 4 * act.draw)
            case "replace a worker":
                self._replace(seat)
            case "kill a beat":
                arena.beats[int(act.draw * len(arena.beats))].kill()
            case "cut every connection":
                arena.wire.cut()
            case "lose replies":
                arena.wire.lose_replies(1 + int(act.draw * 20))
            case "kill the store":
                arena.valkey.kill()
                time.sleep(AWAY)
                arena.valkey.start()
            case "send hostile messages":
                for body, _ in HOSTILE.values():
                    self._arena.door.send(body)

    def _freeze(self, seat: Seat, seconds: float) -> None:
        seat.freeze()
        self._afterwards(seconds, seat.thaw)

    def _replace(self, seat: Seat) -> None:
        self._serial += 1
        self._arena.worker(f"w{self._serial}")
        self._arena.workers.remove(seat)
        # one that is frozen cannot hear it
        seat.thaw()
        seat.retire()


def main() -> int:
    """Run it; print the seed, the faults and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--broker", help="URL of the broker; without one, the store is the broker")
    given = parser.parse_args()
    sys.stdout.write(f"seed {given.seed}: {given.count} verifications in {given.minutes:g} minutes\n")
    acts = plan(given.seed, given.minutes * 60, given.count)
    with tempfile.TemporaryDirectory(prefix="txtproof-faults-") as directory:
        found, ends = _judged(Path(directory), given, acts)
    for one in found[:SHOWN]:
        sys.stdout.write(f"  {one}\n")
    thrown = Counter(act.what for act in acts if act.what in FAULTS)
    sys.stdout.write(f"thrown: {', '.join(f'{times} x {what}' for what, times in sorted(thrown.items()))}\n")
    sys.stdout.write(f"ended: {', '.join(f'{times} {state}' for state, times in sorted(ends.items()))}\n")
    sys.stdout.write(f"violations: {len(found)} (seed {given.seed})\n")
    return 1 if found else 0


def _judged(directory: Path, given: argparse.Namespace, acts: list[Act]) -> tuple[list[Violation], Counter[str]]:
    zones = given.count // PORTION + 1
    with Arena(directory, given.seed, given.broker, zones, ENDED_WITHIN) as arena:
        for place in range(WORKERS):
            arena.worker(f"w{place}")
        for place in range(BEATS):
            arena.beat(f"b{place}")
        wait_until(lambda: all(" ready" in arena.log(seat) for seat in arena.workers), "the workers' start", 60)
        Run(arena).follow(acts)
        arena.settle()
        account = arena.account()
        return violations(account), Counter(row.state.value for row in account.rows.values())


if __name__ == "__main__":
    sys.exit(main())
