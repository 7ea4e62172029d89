"""Verifications in every state, made the way the core makes them, and observations of every kind."""

from datetime import UTC, datetime, timedelta

from txtproof.core.admission import admitted
from txtproof.core.decisions import Decision
from txtproof.core.events import Event
from txtproof.core.machine import decide
from txtproof.core.model import Key, State, Verification
from txtproof.core.observations import (
    AlreadyVerified,
    Ambiguous,
    Attach,
    Blocked,
    Cancel,
    CheckNow,
    CleanUp,
    CodeIssued,
    Forget,
    Left,
    Match,
    Miss,
    Observation,
    Poisoned,
    Published,
    Queued,
    Rejected,
    Release,
    Required,
    Resume,
    Routed,
    Unreachable,
    Unseen,
    Withdrawn,
    Woken,
    ZoneSeen,
)
from txtproof.core.orders import Request
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=1)
KEY = Key(42, 7)
DOMAIN = "example.test"
POLICY = Policy()
LIFETIME = timedelta(hours=30)
ISSUED = CodeIssued("code-1", NOW + LIFETIME, DOMAIN)
ROUTED = Routed("corp", DOMAIN, DOMAIN)
BY_HAND = Routed("customers", "", DOMAIN)
REFUSED = Blocked(Reason.PUBLISHER_AUTH, "the key is not known")

OBSERVATIONS: tuple[Observation, ...] = (
    Woken(),
    CodeIssued("code-9", NOW + LIFETIME, DOMAIN, NOW),
    CodeIssued("code-9", NOW - LIFETIME, None, None),
    CodeIssued("code-9", None, None, None),
    CodeIssued("code-9", None, "other.test", None),
    AlreadyVerified(DOMAIN),
    AlreadyVerified("other.test"),
    Rejected(Reason.UNKNOWN_DOMAIN, "no such domain"),
    Blocked(Reason.UPSTREAM_AUTH, "401"),
    REFUSED,
    Unreachable(Reason.UPSTREAM_UNREACHABLE, "503", timedelta(seconds=30)),
    Unreachable(Reason.PUBLISHER_UNREACHABLE, "no answer"),
    Ambiguous(Reason.UPSTREAM_AMBIGUOUS, "no answer in time"),
    ROUTED,
    Routed("other", "test", "elsewhere.test"),
    Published(),
    Published(changed=False),
    Required(),
    Withdrawn(),
    Left(),
    Match(()),
    Miss(Reason.NO_SUCH_NAME, "NXDOMAIN", ()),
    Miss(Reason.STALE_SERVER, "ns2", (), timedelta(seconds=9)),
    Miss(Reason.NO_TXT, "NOERROR", (), zone=ZoneSeen("test", timedelta(hours=1))),
    Unseen(Reason.TIMEOUT, "nobody answers"),
    Attach(),
    Attach(NOW + timedelta(days=20), DOMAIN, "signup-1"),
    Cancel(),
    CheckNow(),
    Resume(),
    Release(),
    CleanUp(),
    Forget(),
    Poisoned(6),
    Queued(NOW + timedelta(seconds=30)),
)


def seen(v: Verification, *observations: Observation, now: datetime = NOW, policy: Policy = POLICY) -> Decision:
    """Decide by one observation after the other; return the last decision, with all events."""
    events: tuple[Event, ...] = ()
    decision = Decision(v)
    for observation in observations:
        decision = decide(decision.verification, observation, now, policy)
        events = (*events, *decision.events)
    return replace(decision, events=events)


def requested(domain: str | None = DOMAIN, policy: Policy = POLICY) -> Verification:
    """A verification that waits for its first code."""
    born = admitted("v-1", KEY, Request(domain), NOW, policy)
    assert isinstance(born, Decision)
    return born.verification


def publishing() -> Verification:
    """One that has a code, and waits for the provider."""
    return seen(requested(), ISSUED).verification


def checking() -> Verification:
    """One whose record is published."""
    return seen(publishing(), ROUTED, Published()).verification


def renewed() -> Verification:
    """One whose second code is published; the first is superseded."""
    later = NOW + LIFETIME
    again = seen(checking(), Woken(), now=later).verification
    second = CodeIssued("code-2", later + LIFETIME, DOMAIN)
    return seen(again, second, ROUTED, Published(), now=later).verification


def by_hand() -> Verification:
    """One whose record somebody has to write."""
    return seen(publishing(), BY_HAND, Required()).verification


def blocked_in_requested() -> Verification:
    """One that waits for a person to mend the credential for Nexus."""
    return seen(requested(), Blocked(Reason.UPSTREAM_AUTH, "401")).verification


def blocked_in_publishing() -> Verification:
    """One that waits for a person to mend the publisher's key."""
    return seen(publishing(), REFUSED).verification


def parked() -> Verification:
    """One that was set aside while it was checked, since it has killed its workers."""
    return seen(checking(), Poisoned(6)).verification


def verified() -> Verification:
    """One that has ended well, with nothing left to do."""
    return seen(checking(), Match(())).verification


def cancelled() -> Verification:
    """One that has ended with its record still to be removed."""
    return seen(checking(), Cancel()).verification


def failed() -> Verification:
    """One that Nexus refused."""
    return seen(requested(), Rejected(Reason.UNKNOWN_DOMAIN)).verification


def expired() -> Verification:
    """One whose deadline passed."""
    v = checking()
    return seen(v, Woken(), now=v.deadline).verification


ACTIVE = (requested, publishing, checking, renewed, by_hand, blocked_in_requested, blocked_in_publishing, parked)
ENDED = (verified, cancelled, failed, expired)
EVERY = (*ACTIVE, *ENDED)
STATES = {
    requested: State.REQUESTED,
    publishing: State.PUBLISHING,
    checking: State.CHECKING,
    renewed: State.CHECKING,
    by_hand: State.CHECKING,
    blocked_in_requested: State.BLOCKED,
    blocked_in_publishing: State.BLOCKED,
    parked: State.BLOCKED,
    verified: State.VERIFIED,
    cancelled: State.CANCELLED,
    failed: State.FAILED,
    expired: State.EXPIRED,
}
