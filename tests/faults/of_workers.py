"""Faults of workers: pool children and whole trees killed, frozen, replaced."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from tests.faults.account import Request
from tests.faults.arena import LEASE, SPF_TTL, TSIG_NAME, Arena, Cohort
from tests.faults.fault import Afterwards, Stage
from tests.faults.processes import kill
from tests.waiting import wait_until
from txtproof.core.model import Key
from txtproof.rehearsal.nexus import Answer

KILLS = 4
"""One less than what makes a row count as poison."""
PICKED_UP_WITHIN = 5.0
"""Seconds until what a killed pool process had in hand is taken up again: about one, on two busy cores."""
NO_LEASE = 40.0
"""Seconds in which twenty calls of a second each are done one by one, and no lease runs out."""
EVERY_OTHER_SECOND = 2.0
MARGIN = 6.0
"""Seconds that a frozen worker sleeps beyond its lease."""
SLOW = timedelta(seconds=1)


def a_pool_child_is_killed_in_mid_batch(stage: Stage) -> None:
    """Kill whoever is calling Nexus, again and again; what it had in hand is called for again at once."""
    arena = stage.arena
    cohort = stage.cohort(20, answers=[Answer(after=SLOW)] * 3)
    arena.request(cohort.requests)
    for _ in range(KILLS):
        wanted = set(cohort.keys) - arena.outbox.ended()
        try:
            callers = wait_until(lambda wanted=wanted: arena.callers(wanted), "a call in flight", PICKED_UP_WITHIN)  # type: ignore[misc]  # a default binds it
        except AssertionError:
            break
        killed_at = arena.strike()
        stage.expect(kill(callers) > 0, "who was calling had gone before it was killed")
        _expect_pick_up(stage, wanted, killed_at)
    # one by one, since each of them may be what killed; but nobody has waited for a lease
    arena.wait_until_ended(cohort.keys, NO_LEASE)


def _expect_pick_up(stage: Stage, wanted: set[Key], killed_at: datetime) -> None:
    try:
        wait_until(
            lambda: any(call.key in wanted and call.time > killed_at for call in stage.arena.nexus.calls),
            "",
            PICKED_UP_WITHIN,
        )
    except AssertionError:
        stage.expect(False, f"nothing picked up again within {PICKED_UP_WITHIN} s")


def whole_workers_are_killed_under_load(stage: Stage) -> None:
    """Kill one worker after the other with all its children, every two seconds, for half a minute."""
    arena = stage.arena
    cohort = stage.cohort(90, first_lifetimes=[timedelta(seconds=4)], answers=[Answer(after=SLOW / 2)])
    for zone in cohort.zones[::2]:
        # every other zone has a second server that is behind: some wait, some are looked at again and again
        arena.dns.lag(zone, arena.dns.addresses[1], 3.0)
    turn = iter(arena.workers[:2] * 100)

    def strike() -> None:
        arena.strike()
        next(turn).kill()

    stage.trickle(cohort.requests, 30.0, strike)


def a_worker_is_frozen_hears_the_bell_and_is_killed(stage: Stage) -> None:
    """Let the bells go to workers that never wake up: the bell is lost, the work is not."""
    arena = stage.arena
    cohort = stage.cohort(20)
    frozen = arena.workers[:2]
    for seat in frozen:
        seat.freeze()
    arena.request(cohort.requests)
    time.sleep(EVERY_OTHER_SECOND)
    stage.expect(not arena.has_ended(cohort.keys), "nobody was frozen")
    arena.strike()
    for seat in frozen:
        seat.kill()


def a_worker_is_frozen_beyond_its_lease_and_goes_on(stage: Stage) -> Afterwards:
    """Freeze a worker in the midst of its calls and with a commit on its way; let another take over, and thaw it.

    The commit comes after the lease; then something is written as the worker might have written it.
    """
    arena = stage.arena
    renewed = stage.cohort(5, first_lifetimes=[timedelta(seconds=4)])
    seat = arena.worker("frozen")
    wait_until(lambda: " ready" in arena.log(seat), "its start", 30)
    cohort = stage.cohort(40, answers=[Answer(after=SLOW * 2)])
    waiting = list(cohort.requests)
    asked: list[Request] = []
    while not (calling := [one for one in asked if arena.callers([one.key], seat)]):
        # whoever is asked first takes what there is: it will be this one's turn
        assert waiting, "the worker that is to be frozen has never had a turn"
        asked.append(waiting.pop())
        arena.request(asked[-1:])
        time.sleep(0.2)
    # its row, and what its worker holds: both are in a commit, and in no other script
    arena.wire.hold(f":v:{calling[0].key}\r\n".encode(), b":held:")
    arena.request(waiting)
    wait_until(lambda: arena.wire.holds, "a commit of what Nexus answered", 10)
    seat.freeze()
    arena.strike()

    def thawed() -> None:
        said = arena.wire.deliver()
        stage.expect(b"fenced" in said and b"committed" not in said, f"a commit after the lease: {said!r}")
        seat.thaw()
        arena.strike()
        _expect_late_write_to_go(stage, renewed)
        arena.workers.remove(seat)
        seat.retire()

    return Afterwards(time.monotonic() + LEASE.total_seconds() + MARGIN, thawed)


def _expect_late_write_to_go(stage: Stage, cohort: Cohort) -> None:
    """Write a value again that was replaced: nobody can fence a DNS provider. The judge expects it gone."""
    arena = stage.arena
    second = arena.dns.addresses[1]
    arena.dns.hold(cohort.zones[0], second)
    arena.request(cohort.requests)
    wait_until(lambda: all(len(arena.nexus.issued.get(key, ())) > 1 for key in cohort.keys), "second codes", 30)
    arena.dns.release(cohort.zones[0], second)
    arena.wait_until_ended(cohort.keys, 30)
    for request in cohort.requests:
        _write_late(arena, request.zone, request.domain, arena.nexus.issued[request.key][0].code)


def workers_are_replaced_by_new_ones(stage: Stage) -> None:
    """Stop one worker after the other in order, its successor beside it, while each request comes 1 to 5 times."""
    arena = stage.arena
    cohort = stage.cohort(60, answers=[Answer(after=SLOW)])
    _request_several_times(arena, cohort.requests[::2])
    going = []
    for place, seat in enumerate(tuple(arena.workers[:2])):
        successor = arena.worker(f"new-{place}")
        arena.strike()
        going.append(seat.retire())
        arena.workers.remove(seat)
        arena.workers.remove(successor)
        arena.workers.insert(place, successor)
    _request_several_times(arena, cohort.requests[1::2])
    wait_until(
        lambda: all(one is None or one.poll() is not None for one in going), "the old workers' end", LEASE.seconds
    )
    stage.expect(all(one is None or one.poll() == 0 for one in going), "a worker did not stop in order")
    arena.wait_until_ended(cohort.keys, LEASE.total_seconds() + 20)
    runs = {one.verification_id for one in arena.outbox.events if one.key in set(cohort.keys)}
    stage.expect(len(runs) == len(cohort.keys), f"{len(runs)} verifications for {len(cohort.keys)} keys")


def _request_several_times(arena: Arena, requests: Sequence[Request]) -> None:
    # all at once: what comes again after the end is a new run, by right
    several = [one for one in requests for _ in range(arena.random.randint(1, 5))]
    arena.random.shuffle(several)
    arena.request(several)


def _write_late(arena: Arena, zone: str, domain: str, code: str) -> None:
    update = dns.update.UpdateMessage(zone)
    update.add(dns.name.from_text(domain), SPF_TTL, "TXT", f'"{code}"')
    update.use_tsig(dns.tsig.Key(TSIG_NAME, arena.tsig_secret, dns.tsig.HMAC_SHA256))
    assert dns.query.tcp(update, arena.dns.addresses[0], 5, arena.dns.port).rcode() == dns.rcode.NOERROR
