"""Faults of the store, and of the way to it."""

import time
from datetime import UTC, datetime, timedelta

from tests.faults.arena import LEASE
from tests.faults.fault import Stage
from tests.waiting import wait_until
from txtproof.rehearsal.nexus import Answer

AWAY = 2.0
"""Seconds that the store is away."""
BACK_WITHIN = 15.0
"""Seconds after its return until the workers work."""
FORGOTTEN = 1.0
"""Seconds that the store loses."""
SLOW = timedelta(seconds=0.5)
CUTS = 5


def the_store_is_killed_and_comes_back(stage: Stage) -> None:
    """Kill Valkey under load and start it after two seconds from its append-only file."""
    arena = stage.arena
    cohort = stage.cohort(40, answers=[Answer(after=SLOW)])
    arena.request(cohort.requests[:30])
    wait_until(lambda: set(cohort.keys) & arena.nexus.in_flight.keys(), "work in progress", 20)
    there = [seat.pid for seat in arena.workers]
    arena.strike()
    arena.valkey.kill()
    time.sleep(AWAY)
    arena.valkey.start()
    back = arena.strike()
    # these were never in anybody's hands: no lease has to run out for them
    fresh = cohort.requests[30:]
    arena.request(fresh)
    arena.wait_until_ended([one.key for one in fresh], BACK_WITHIN)
    took = datetime.now(UTC) - back
    stage.expect(took < timedelta(seconds=BACK_WITHIN), f"the workers were back after {took}")
    gone = sum(seat.pid != pid for seat, pid in zip(arena.workers, there, strict=True))
    stage.expect(not gone, f"{gone} of {len(there)} workers ended with the store, and had to be started again")


def the_store_forgets_a_second(stage: Stage) -> None:
    """Kill Valkey, cut its append-only file to what it was a second before, and start it."""
    arena = stage.arena
    # codes that live on: where the world changes meanwhile, what is done again is by right something else
    cohort = stage.cohort(40, answers=[Answer(after=SLOW)] * 3)
    arena.request(cohort.requests)
    # a command that the store forgets was never accepted, as far as anybody can tell: it must be older
    time.sleep(FORGOTTEN / 2)
    sizes: list[tuple[float, int]] = []
    begun = time.monotonic()
    file = arena.valkey.append_only_file
    while time.monotonic() < begun + 2 * FORGOTTEN or len(arena.outbox.ended() & set(cohort.keys)) < 2:
        sizes.append((time.monotonic(), file.stat().st_size))
        time.sleep(0.02)
        assert time.monotonic() < begun + 20, "nothing has ended"
    active = {one.key for one in arena.memory.requests} - arena.outbox.ended()
    just_ended = {one.key for one in arena.outbox.events if one.time > datetime.now(UTC) - timedelta(seconds=3)}
    arena.memory.rolled_back |= active | just_ended
    arena.strike()
    arena.valkey.kill()
    size = max(size for since, size in sizes if since <= time.monotonic() - FORGOTTEN)
    stage.expect(size < file.stat().st_size, "nothing was forgotten")
    with file.open("r+b") as whole:
        whole.truncate(size)
    arena.valkey.start()
    arena.strike()


def every_connection_is_cut_and_replies_are_lost(stage: Stage) -> None:
    """Cut all connections to the store in mid-batch, several times; let scripts run whose reply nobody gets."""
    arena = stage.arena
    cohort = stage.cohort(40, answers=[Answer(after=SLOW)])
    before = arena.wire.lost
    for place in range(0, 20, 20 // CUTS):
        # fresh ones each time: what a cut has hit may wait for its lease
        fresh = cohort.requests[place : place + 20 // CUTS]
        arena.request(fresh)
        keys = {one.key for one in fresh}
        wait_until(lambda keys=keys: keys & arena.nexus.in_flight.keys(), "work", BACK_WITHIN)  # type: ignore[misc]  # a default binds it
        stage.expect(arena.wire.cut() > 0, "there was no connection to be cut")
        arena.strike()
    arena.wire.lose_replies(20)
    arena.request(cohort.requests[20:])
    wait_until(lambda: arena.wire.lost - before >= 20, "20 replies to be lost", LEASE.total_seconds())
    arena.strike()
