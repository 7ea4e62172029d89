"""Requested: what follows from an answer of Nexus."""

from datetime import datetime, timedelta

from txtproof.core import names
from txtproof.core.decisions import Decision, RequestCode
from txtproof.core.ending import ended
from txtproof.core.events import EventKind
from txtproof.core.model import Code, State, Verification
from txtproof.core.observations import (
    AlreadyVerified,
    Ambiguous,
    Blocked,
    CodeIssued,
    Observation,
    Rejected,
    Unreachable,
    Woken,
)
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.core.setbacks import backed_off, blocked, on_its_way
from txtproof.core.telling import stamp, tell, warnings
from txtproof.core.transitions import to_publishing
from txtproof.core.values import replace

TOLERATED_SKEW = timedelta(seconds=2)
"""A `Date` header counts whole seconds, and the answer was on its way for a while."""
EXPIRED_PAUSE = timedelta(seconds=60)
"""How long to wait at least where a code was expired when it came: asking again at once would spin."""


def requested(v: Verification, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """Decide while a code is waited for."""
    match seen:
        case Woken():
            return Decision(v, RequestCode(v.key, v.turn))
        case CodeIssued():
            return _issued(v, seen, now, policy)
        case AlreadyVerified(domain=domain):
            if _contradicts(v, domain):
                return _mismatch(v, now, policy)
            named = replace(v, domain=v.domain or domain)
            return ended(named, State.VERIFIED, now, policy, Reason.ALREADY_VERIFIED)
        case Rejected(reason=reason, detail=detail):
            return ended(v, State.FAILED, now, policy, reason, detail)
        case Blocked():
            return blocked(v, seen, now, policy)
        case Unreachable():
            return backed_off(v, seen, now, policy, seen.retry_after or timedelta(0))
        case Ambiguous():
            # the call may still be on its way: a second one next to it could kill the code that this one brings
            return backed_off(v, seen, now, policy, policy.call_timeout)
        case _:
            return Decision(v)


def _issued(v: Verification, seen: CodeIssued, now: datetime, policy: Policy) -> Decision:
    if _contradicts(v, seen.domain):
        return _mismatch(v, now, policy)
    domain = v.domain or seen.domain
    if domain is None:
        return ended(v, State.FAILED, now, policy, Reason.NO_DOMAIN)
    if not names.fits(names.fill(policy.record_name, domain=domain)):
        detail = f"the record's name for {domain[:100]} would be longer than DNS allows"
        return ended(v, State.FAILED, now, policy, Reason.BAD_DOMAIN, detail)
    going = on_its_way(v, now)
    expires = _on_our_clock(seen, now, policy)
    if expires <= now:
        late = Ambiguous(Reason.CODE_ALREADY_EXPIRED, f"it had expired at {stamp(seen.expires)}")
        waiting = backed_off(going.verification, late, now, policy, EXPIRED_PAUSE)
        return replace(waiting, events=going.events)
    code = Code(seen.code, expires, issued=now, assumed=seen.expires is None)
    issued = replace(going, verification=to_publishing(going.verification, now, code, domain))
    return tell(
        issued,
        EventKind.CODE_ISSUED,
        now,
        code_sha256=code.fingerprint,
        expires=stamp(expires),
        expiryAssumed=code.assumed,
        clockSkewSeconds=_skew(seen, now),
        **warnings(issued.verification),
    )


def _on_our_clock(seen: CodeIssued, now: datetime, policy: Policy) -> datetime:
    """Return when the code expires, judged by how long Nexus lets it live rather than by Nexus's clock."""
    if seen.expires is None:
        return now + policy.assumed_code_lifetime
    if seen.answered is None or not _skew(seen, now):
        return seen.expires
    return now + (seen.expires - seen.answered)


def _skew(seen: CodeIssued, now: datetime) -> int:
    """Return by how many seconds Nexus's clock is ahead of ours; 0 where that cannot be told from the way."""
    if seen.answered is None or abs(seen.answered - now) <= TOLERATED_SKEW:
        return 0
    return round((seen.answered - now).total_seconds())


def _contradicts(v: Verification, domain: str | None) -> bool:
    return v.domain is not None and domain is not None and v.domain != domain


def _mismatch(v: Verification, now: datetime, policy: Policy) -> Decision:
    detail = f"{v.domain} was requested"
    return ended(v, State.FAILED, now, policy, Reason.DOMAIN_MISMATCH, detail)
