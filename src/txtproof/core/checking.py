"""Checking: what follows from a look at the domain's name servers."""

from datetime import datetime

from txtproof.core import schedule
from txtproof.core.commanded import beside_the_curve
from txtproof.core.decisions import Decision, Effect, Look
from txtproof.core.delays import learned_pause, served
from txtproof.core.ending import ended
from txtproof.core.events import EventKind
from txtproof.core.explaining import because
from txtproof.core.model import State, Verification
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    Match,
    Miss,
    Observation,
    Published,
    Queued,
    Required,
    Routed,
    Unreachable,
    Unseen,
    Woken,
)
from txtproof.core.policy import Policy
from txtproof.core.publishing import find_route, intended, record_name, record_value, required, settled, told_gone
from txtproof.core.reasons import Reason
from txtproof.core.setbacks import bounded, on_its_way
from txtproof.core.telling import DAILY, evidence, problem, stamp, tell
from txtproof.core.values import replace
from txtproof.core.wording import behind, is_thorough, worded

CLEAN_ROUNDS = 3
"""After answers that were not the same each time, a match must be seen so often, one time after the other."""
REPAIR_EVERY = 8
"""After that many misses in a row the record is ensured anew: somebody else may have removed it."""


def checking(v: Verification, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """Decide while the name servers are to serve the record."""
    match seen:
        case Woken():
            return Decision(v, _first_effect(v, now, policy))
        case Routed():
            return intended(v, seen, now, policy)
        case Published() | Required() if v.ledger:
            return _ensured(v, seen, now, policy)
        case Blocked() | Unreachable() | Ambiguous() | Queued():
            # only the repair failed: the record may stand all the same, and the judge is DNS
            return Decision(v, _look(v, now, policy))
        case Match(servers=servers):
            return replace(ended(v, State.VERIFIED, now, policy, servers=servers), served=served(v, now))
        case Miss():
            return _told(beside_the_curve(_missed(on_its_way(v, now), seen, now, policy), v), v, now)
        case Unseen():
            return _told(beside_the_curve(_unseen(on_its_way(v, now), seen, now), v), v, now)
        case _:
            return Decision(v)


def _first_effect(v: Verification, now: datetime, policy: Policy) -> Effect:
    if v.looks and v.looks % REPAIR_EVERY == 0 and v.planned is None:
        return find_route(v, policy)
    return _look(v, now, policy)


def _ensured(v: Verification, seen: Published | Required, now: datetime, policy: Policy) -> Decision:
    """Look after a repair. What somebody has to write is told once, and here only where the route is a new one."""
    decision = Decision(replace(v, ledger=settled(v, seen)), _look(v, now, policy))
    known = isinstance(seen, Published) or v.ledger[-1].by_hand
    return told_gone(decision, v, seen, now) if known else required(decision, now, policy)


def _look(v: Verification, now: datetime, policy: Policy) -> Look:
    expected = record_value(v, policy)
    former = tuple((line.generation, line.value.encode()) for line in v.ledger if line.value != expected)
    zone = v.zone if v.zone_until is not None and now < v.zone_until else None
    return Look(
        v.domain or "",
        record_name(v, policy),
        expected.encode(),
        former,
        zone,
        first=next(iter(behind(v)), ""),
        rounds=CLEAN_ROUNDS if v.reason is Reason.UNSTEADY_ANSWERS else 1,
        thorough=is_thorough(v, now),
    )


def _missed(going: Decision, seen: Miss, now: datetime, policy: Policy) -> Decision:
    v = going.verification
    looks = v.looks + 1
    if seen.changes_in is not None:
        pause = min(max(seen.changes_in, schedule.CURVE[0]), schedule.LONGEST_PAUSE)
    else:
        curve = schedule.jittered(schedule.pause_after(looks), v.id, v.generation, looks)
        pause = learned_pause(v, policy.delays.get(v.ledger[-1].publisher) if v.ledger else None, now, curve)
    reason, detail, servers = worded(v, seen, now)
    missed = replace(
        v,
        looks=looks,
        failures=0,
        # who can say when its answer changes is a cache: the zone's own servers have the record
        missed=now if seen.changes_in is None else v.missed,
        reason=reason,
        detail=detail,
        servers=servers,
        zone=seen.zone.origin if seen.zone else v.zone,
        zone_until=now + seen.zone.holds_for if seen.zone else v.zone_until,
        wake=bounded(v, now + pause),
    )
    return Decision(missed, events=going.events)


def _unseen(going: Decision, seen: Unseen, now: datetime) -> Decision:
    v = going.verification
    failures = v.failures + 1
    pause = schedule.jittered(schedule.backoff(failures), v.id, v.generation, failures)
    unseen = replace(
        v,
        failures=failures,
        reason=seen.reason,
        detail=seen.detail,
        servers=seen.servers,
        # it may be that the domain has moved to other servers
        zone=None,
        zone_until=None,
        wake=bounded(v, now + pause),
    )
    return Decision(unseen, events=going.events)


def _told(decision: Decision, before: Verification, now: datetime) -> Decision:
    """Tell of the first look, of a change of reason, and daily."""
    v = decision.verification
    if before.told is not None and v.reason is before.reason and now < before.told + DAILY:
        return decision
    return tell(
        replace(decision, verification=replace(v, told=now)),
        EventKind.CHECKED,
        now,
        **problem(v),
        servers=evidence(v.servers),
        attempt=v.looks + v.failures,
        nextLook=stamp(v.wake),
        nextLookBecause=because(v),
    )
