"""Publishing: what is ours at the name, and what is to become of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from txtproof.core import names
from txtproof.core.decisions import Decision, FindRoute, Publish
from txtproof.core.events import EventKind, Json
from txtproof.core.model import Record, Verification
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    Observation,
    Published,
    Queued,
    Required,
    Routed,
    Unreachable,
    Woken,
)
from txtproof.core.policy import Policy
from txtproof.core.setbacks import backed_off, blocked, in_line, on_its_way
from txtproof.core.telling import tell, warnings
from txtproof.core.transitions import to_checking
from txtproof.core.values import replace

HOUSED_FOR = timedelta(hours=1)
"""How long the zone counts that was found before the record was written; a look remembers no TTL for longer."""
REMEMBERED = 3
"""Superseded values kept beside the present one: an old code can then be called one, and a late write corrected."""


def publishing(v: Verification, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """Decide while the provider is to take the record."""
    match seen:
        case Woken():
            return Decision(v, find_route(v, policy))
        case Routed():
            # blocked, and the code has expired meanwhile: a route is back, so a new code is worth asking for
            return on_its_way(v, now) if v.code is None else intended(v, seen, now, policy)
        case Published() | Required():
            return _published(v, seen, now, policy)
        case Queued():
            return in_line(_not_called(v), seen)
        case Blocked():
            return blocked(v, seen, now, policy)
        case Unreachable():
            return backed_off(v, seen, now, policy, seen.retry_after or timedelta(0))
        case Ambiguous():
            return backed_off(v, seen, now, policy, timedelta(0))
        case _:
            return Decision(v)


def record_name(v: Verification, policy: Policy) -> str:
    """Return the name at which the domain's record is looked for."""
    return names.fill(policy.record_name, domain=v.domain or "")


def record_value(v: Verification, policy: Policy) -> str:
    """Return the value that the record shall have."""
    return names.fill(policy.record_value, code=v.code.value if v.code else "")


def find_route(v: Verification, policy: Policy) -> FindRoute:
    """Ask who writes the record's name."""
    return FindRoute(record_name(v, policy))


def intended(v: Verification, seen: Routed, now: datetime, policy: Policy) -> Decision:
    """Write down what will be written, then have it written; in the same call it takes the place of all of ours."""
    wanted = Record(seen.publisher, seen.zone, seen.name, record_value(v, policy), v.generation)
    record = next((line for line in v.ledger if line.same_value(wanted) and line.proved_before), wanted)
    record = replace(
        record,
        by_hand=any(line.by_hand for line in v.ledger if line.same_value(record)),
        stood=_stood(record, v.ledger),
    )
    others = tuple(_outdated(line, v) for line in v.ledger if not line.same_value(record))
    replaces = tuple(dict.fromkeys(line.value for line in others if line.beside(record)))
    intending = replace(_housed(v, seen, now), ledger=(*others, record))
    return Decision(intending, Publish(record, policy.record_ttl, replaces, v.turn))


def _housed(v: Verification, seen: Routed, now: datetime) -> Verification:
    """Remember the zone that the domain lies in, for the first look: where its record's name has no nearer one."""
    known = v.zone_until is not None and now < v.zone_until
    if known or not seen.home or not names.is_below(v.domain or "", seen.home):
        return v
    return replace(v, zone=seen.home, zone_until=now + HOUSED_FOR)


def _stood(record: Record, ledger: Sequence[Record]) -> bool | None:
    """Return what is known of a record before it is written: of one that may be our own doing, that nobody can tell."""
    earlier = [line for line in ledger if line.value == record.value]
    return any(line.stood for line in earlier) if earlier else None


def _not_called(v: Verification) -> Verification:
    """Take the first intent of a value back: it was not called for, so what stands there is none of our doing."""
    return replace(v, ledger=v.ledger[:-1]) if v.ledger and v.ledger[-1].stood is None else v


def _outdated(line: Record, v: Verification) -> Record:
    """Return an earlier line of this run as what it is: its code was good until there was another one."""
    return replace(line, superseded=True) if 0 < line.generation < v.generation else line


def settled(v: Verification, seen: Published | Required) -> tuple[Record, ...]:
    """Return the ledger once its last line stands in DNS, or is to: the other lines prove nothing any more.

    What leaves it was to be replaced by the same call, and the provider has said that it is gone.
    """
    *others, present = v.ledger
    replaced = [line for line in others if line.beside(present)][-REMEMBERED:]
    elsewhere = [line for line in others if not line.beside(present)]
    held = isinstance(seen, Published) and not seen.changed if present.stood is None else present.stood
    present = replace(present, by_hand=isinstance(seen, Required), stood=held)
    return (*(replace(line, superseded=True) for line in (*elsewhere, *replaced)), present)


def required(decision: Decision, now: datetime, policy: Policy) -> Decision:
    """Tell that somebody has to write the ledger's last line: the one event with a value in it."""
    line = decision.verification.ledger[-1]
    what: dict[str, Json] = {"type": "TXT", "value": line.value, "ttl": policy.record_ttl}
    return tell(decision, EventKind.RECORD_REQUIRED, now, **_where(line), **what, **warnings(decision.verification))


def _published(v: Verification, seen: Published | Required, now: datetime, policy: Policy) -> Decision:
    going = on_its_way(v, now)
    if going.verification.code is None or not v.ledger:
        return going
    ledger = settled(going.verification, seen)
    decision = replace(going, verification=to_checking(going.verification, now, ledger))
    if isinstance(seen, Required):
        return required(decision, now, policy)
    warned = warnings(decision.verification)
    told = tell(decision, EventKind.RECORD_PUBLISHED, now, **_where(ledger[-1]), changed=seen.changed, **warned)
    return told_gone(told, v, seen, now)


def told_gone(decision: Decision, before: Verification, seen: Published | Required, now: datetime) -> Decision:
    """Tell of the lines that have left the ledger since: nobody tells of them later; what is a person's is not told."""
    kept = decision.verification.ledger
    gone = [line for line in before.ledger if not any(line.same_value(one) for one in kept)]
    for line in gone if isinstance(seen, Published) else ():
        decision = tell(decision, EventKind.RECORD_REMOVED, now, **_where(line))
    return decision


def _where(record: Record) -> dict[str, Json]:
    return {"publisher": record.publisher, "zone": record.zone, "name": record.name}
