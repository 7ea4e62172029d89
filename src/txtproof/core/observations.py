"""What the world said. Adapters return these values and never raise for what the outside did.

`Blocked`: a person must act. `Rejected`: it will never work. `Unreachable`: try again, it counts against nothing.
`Ambiguous`: the call may or may not have taken effect.
"""

from datetime import datetime, timedelta

from txtproof.core.evidence import ServerView
from txtproof.core.reasons import BLIND, MISSES, Reason
from txtproof.core.values import Value


class Woken(Value, frozen=True):
    """A visit begins; nothing has been seen yet."""


# Calls in general


class Rejected(Value, frozen=True):
    """The other side said no for good."""

    reason: Reason
    detail: str = ""


class Blocked(Value, frozen=True):
    """The other side waits for a person: a credential, a route, a delegation."""

    reason: Reason
    detail: str = ""


class Unreachable(Value, frozen=True):
    """The other side could not be spoken to, or asks to be called later."""

    reason: Reason
    detail: str = ""
    retry_after: timedelta | None = None
    """What the other side asked for (Retry-After, RFC 9110, 10.2.3)."""


class Ambiguous(Value, frozen=True):
    """The request was sent and no answer came: it may have taken effect."""

    reason: Reason
    detail: str = ""


class Queued(Value, frozen=True):
    """Nothing was sent: calls with this credential are limited, and this one has a place in their line."""

    until: datetime
    """On the store's clock."""


# Nexus


class CodeIssued(Value, frozen=True):
    """Nexus issued a code."""

    hidden = frozenset({"code"})
    code: str
    """Opaque; 1 to 2,048 bytes in UTF-8."""
    expires: datetime | None = None
    """As Nexus gave it, on Nexus's clock, aware; None where it gave none."""
    domain: str | None = None
    """A-labels, lower case, no trailing dot; None where Nexus gave none."""
    answered: datetime | None = None
    """The answer's `Date` header: what Nexus's clock said; None where it was absent or unreadable."""


class AlreadyVerified(Value, frozen=True):
    """Nexus says `isVerified`: no record is needed."""

    domain: str | None = None


# Publishers


class Routed(Value, frozen=True):
    """A publisher writes that name, in that zone."""

    publisher: str
    zone: str
    name: str
    """Where the value is to stand: the record's name, or the target of a CNAME there."""
    home: str | None = None
    """The zone that the record's own name lies in, where that was seen: A-labels, lower case, no trailing dot."""


class Published(Value, frozen=True):
    """The provider holds the value, and none of those that it replaces."""

    changed: bool = True
    """False where it stood like that already."""


class Required(Value, frozen=True):
    """The value is to be written by hand: who runs the zone has to be told."""


class Withdrawn(Value, frozen=True):
    """The provider does not hold the value."""


class Left(Value, frozen=True):
    """The value is left to whoever wrote it by hand."""


# Looks


class ZoneSeen(Value, frozen=True):
    """The zone that a domain was found to lie in: the next look need not search for it."""

    origin: str
    """A-labels, lower case, no trailing dot: the domain itself, or a name above it."""
    holds_for: timedelta


class Match(Value, frozen=True):
    """Every reachable authoritative server serves the exact value."""

    servers: tuple[ServerView, ...]
    zone: ZoneSeen | None = None
    """Of the domain; None where the look had it already, or does not know."""


class Miss(Value, frozen=True):
    """An authoritative server answered, and the value is not (everywhere) there."""

    reason: Reason
    detail: str
    servers: tuple[ServerView, ...]
    changes_in: timedelta | None = None
    """The earliest that this answer can change, where that is known (a TTL, a negative cache)."""
    zone: ZoneSeen | None = None
    """As in `Match`."""

    def __post_init__(self) -> None:
        if self.reason not in MISSES:
            raise ValueError(f"{self.reason} is not a definitive miss")


class Unseen(Value, frozen=True):
    """Nobody who may judge answered: nothing is known."""

    reason: Reason
    detail: str
    servers: tuple[ServerView, ...] = ()
    zone: ZoneSeen | None = None
    """As in `Match`."""

    def __post_init__(self) -> None:
        if self.reason not in BLIND:
            raise ValueError(f"{self.reason} is not a failure to see")


# Commands that reach a verification which exists


class Attach(Value, frozen=True):
    """Another request for the same key: it joins the run; the longer deadline wins."""

    deadline: datetime | None = None
    domain: str | None = None
    correlation_id: str | None = None


class Cancel(Value, frozen=True):
    """Nobody wants the answer any more."""


class Resume(Value, frozen=True):
    """A person has acted: what is blocked is tried again at once."""


class CheckNow(Value, frozen=True):
    """Somebody wants a look at once: the record may have been put right."""


class Release(Value, frozen=True):
    """A person has dealt with what made it poison: it may be worked on again."""


class CleanUp(Value, frozen=True):
    """A person wants what is left of an ended verification removed at once, as far as the policy has it go."""


class Forget(Value, frozen=True):
    """A person has dealt with what is left of an ended verification: nobody needs to remove it any more."""


class Poisoned(Value, frozen=True):
    """The row was claimed again and again without a commit: whoever works on it dies."""

    claims: int


Afterwards = CleanUp | Forget
"""Commands for what has ended."""
Command = Attach | Cancel | CheckNow | Resume | Release | Afterwards
UpstreamAnswer = CodeIssued | AlreadyVerified | Rejected | Blocked | Unreachable | Ambiguous | Queued
RouteAnswer = Routed | Blocked | Unreachable
PublishAnswer = Published | Required | Blocked | Unreachable | Ambiguous | Queued
WithdrawAnswer = Withdrawn | Left | Blocked | Unreachable | Ambiguous | Queued
Sight = Match | Miss | Unseen
Observation = Woken | UpstreamAnswer | RouteAnswer | PublishAnswer | WithdrawAnswer | Sight | Command | Poisoned
