"""Faults of the world: Nexus and name servers that fail in every way, and codes that expire in every state."""

import time
from collections.abc import Sequence
from datetime import timedelta

from tests.faults.account import Request
from tests.faults.arena import SPF, SPF_TTL, Cohort
from tests.faults.fault import Afterwards, Stage
from tests.waiting import wait_until
from txtproof.core.model import Key
from txtproof.rehearsal.name_server import Trouble
from txtproof.rehearsal.nexus import Answer

CALL = timedelta(seconds=10)
"""How long txtproof lets one call take."""
EXPIRY = timedelta(seconds=4)
WATCHED = 6.0
"""Seconds in which nothing may be taken for a proof."""
STARTED_WITHIN = 60.0
"""Seconds until all are under way: what a frozen worker has read of the intake is taken up by others after 30."""
MENDED_WITHIN = 90.0
"""Seconds from the mending to the end: the next look or back-off, and whatever else is thrown meanwhile."""
TROUBLES = ("SERVFAIL", "SILENT", "TRUNCATED")
"""Of the second of two name servers, by `Trouble`'s names."""
NEXUS = {
    "does not answer in time": (Answer(after=timedelta(seconds=14)),),
    "answers 500": (Answer(status=500),) * 2,
    "answers 429": (Answer(status=429, headers={"Retry-After": "3"}),),
    "resets after processing": (Answer(reset=True),),
    "sends its body for a minute": (Answer(trickles=timedelta(seconds=60)),),
    "issues a code that has expired": (Answer(lifetime=timedelta(seconds=-5)),),
}


def nexus_fails_in_every_way(stage: Stage) -> Afterwards:
    """Have Nexus time out, fail, hold back, reset, dawdle, and issue another code on each call."""
    arena = stage.arena
    cohorts = {how: stage.cohort(3, answers=answers) for how, answers in NEXUS.items()}
    for cohort in cohorts.values():
        arena.request(cohort.requests)

    def mended() -> None:
        arena.strike()
        for how, cohort in cohorts.items():
            try:
                arena.wait_until_ended(cohort.keys, MENDED_WITHIN)
            except AssertionError:
                stage.expect(False, f"Nexus {how}: not ended {MENDED_WITHIN} s later")
            _expect_patience(stage, how, cohort.keys)

    # one of them waits for a minute
    return Afterwards(time.monotonic() + 75, mended)


def _expect_patience(stage: Stage, how: str, keys: Sequence[Key]) -> None:
    """Expect that nobody asks again before an ambiguous call must be over, or before Nexus said."""
    least = {"answers 429": 3.0, "does not answer in time": 10.0, "resets after processing": 10.0}.get(how, 0.0)
    calls = stage.arena.nexus.calls
    for key in keys:
        times = [call.time for call in calls if call.key == key]
        if len(times) > 1 and (times[1] - times[0]).total_seconds() < least - 0.1:
            stage.expect(False, f"Nexus {how}: {key} asked again after {times[1] - times[0]}")


def name_servers_fail_in_every_way(stage: Stage) -> Afterwards:
    """Have name servers fail, lag and lie; nothing of that is a proof, and nothing of it is an end."""
    arena = stage.arena
    cohorts = {how: stage.cohort(2) for how in (*TROUBLES, "a stale server", "a wrong record", "a removed record")}
    for how, cohort in cohorts.items():
        _begin(stage, how, cohort)
    aliased = stage.cohort(1)
    _alias(stage, aliased.requests[0])
    requests = [one for cohort in (*cohorts.values(), aliased) for one in cohort.requests]
    arena.request(requests)
    begun = time.monotonic()
    published = {one.key for one in requests} - set(aliased.keys)
    wait_until(
        lambda: all("record-published" in arena.outbox.kinds(key) for key in published), "records", STARTED_WITHIN
    )
    for request in cohorts["a removed record"].requests:
        arena.dns.put(request.zone, request.domain, "TXT", SPF_TTL, SPF)
        arena.dns.release(request.zone, arena.dns.addresses[1])

    def mended() -> None:
        for how, cohort in cohorts.items():
            ends = {"verified", "failed"} & {kind for key in cohort.keys for kind in arena.outbox.kinds(key)}
            # a server that says nothing holds nothing up: nobody can tell whether it will ever be back
            stage.expect(not ends or how in ("SERVFAIL", "SILENT"), f"{how}: {ends} while it lasted")
            for request in cohort.requests:
                # in several strings: the value is the same (RFC 1035, 3.3.14)
                code = arena.nexus.issued[request.key][-1].code
                arena.dns.put(request.zone, request.domain, "TXT", SPF_TTL, SPF, f'"{code[:10]}" "{code[10:]}"')
            arena.dns.release(cohort.zones[0], arena.dns.addresses[1])
        stage.expect("blocked" in arena.outbox.kinds(aliased.keys[0]), "a CNAME in the record's place did not block")
        _unalias(stage, aliased.requests[0])
        arena.strike()
        arena.wait_until_ended([one.key for one in requests], MENDED_WITHIN)

    return Afterwards(begun + WATCHED, mended)


def _begin(stage: Stage, how: str, cohort: Cohort) -> None:
    dns, second = stage.arena.dns, stage.arena.dns.addresses[1]
    (zone,) = cohort.zones
    for request in cohort.requests if how == "a wrong record" else ():
        dns.put(zone, request.domain, "TXT", SPF_TTL, SPF, '"not-the-code"')
    if how not in TROUBLES or how == "TRUNCATED":
        dns.hold(zone, second)
    if how in TROUBLES:
        dns.trouble(zone, second, Trouble[how])
    for request in cohort.requests:
        dns.put(zone, request.domain, "TXT", SPF_TTL, SPF)


def codes_expire_in_every_state(stage: Stage) -> None:
    """Let codes expire while they are being published, looked for, and while the way is blocked."""
    arena = stage.arena
    first, second = arena.dns.addresses
    publishing, checking, blocked = (stage.cohort(3, first_lifetimes=[EXPIRY]) for _ in range(3))
    arena.dns.trouble(publishing.zones[0], first, Trouble.SERVFAIL)
    arena.dns.hold(checking.zones[0], second)
    for request in blocked.requests:
        _alias(stage, request)
    requests = (*publishing.requests, *checking.requests, *blocked.requests)
    arena.request(requests)
    renewed = (*publishing.keys, *checking.keys)
    wait_until(lambda: all(len(arena.nexus.issued.get(key, ())) > 1 for key in renewed), "new codes", STARTED_WITHIN)
    arena.dns.release(publishing.zones[0], first)
    arena.dns.release(checking.zones[0], second)
    for request in blocked.requests:
        stage.expect("blocked" in arena.outbox.kinds(request.key), f"{request.key} was not blocked by a CNAME")
        _unalias(stage, request)
    arena.strike()
    arena.wait_until_ended([one.key for one in requests], MENDED_WITHIN)
    wait_until(lambda: all(len(arena.nexus.issued[key]) > 1 for key in blocked.keys), "codes of what was blocked", 1)


def _alias(stage: Stage, request: Request) -> None:
    stage.arena.dns.clear(request.zone, request.domain)
    # to a name that no publisher writes: another one would be followed, and written there
    stage.arena.dns.put(request.zone, request.domain, "CNAME", SPF_TTL, "www.elsewhere.invalid.")


def _unalias(stage: Stage, request: Request) -> None:
    """Put back what stood there, and do what a person does then."""
    stage.arena.dns.clear(request.zone, request.domain)
    stage.arena.dns.put(request.zone, request.domain, "TXT", SPF_TTL, SPF)
    stage.arena.command("resume", request.key)
