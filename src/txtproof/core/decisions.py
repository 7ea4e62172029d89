"""What `decide` answers with: the row as it shall be stored, what to do in the world next, what to tell."""

from dataclasses import dataclass, field
from datetime import datetime

from txtproof.core.events import Event
from txtproof.core.model import Key, Record, Verification


@dataclass(frozen=True, slots=True)
class RequestCode:
    """Ask Nexus for a code."""

    key: Key
    turn: datetime | None = None
    """The place in the credential's line that the verification has, here and below."""


@dataclass(frozen=True, slots=True)
class FindRoute:
    """Ask who writes this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Have the value at the name, in place of those that it replaces, in one call."""

    record: Record
    ttl: int
    replaces: tuple[str, ...] = field(default=(), repr=False)
    turn: datetime | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Have exactly this value no more at its name."""

    record: Record
    turn: datetime | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Ask the domain's authoritative servers for the value."""

    domain: str
    name: str
    expected: bytes = field(repr=False)
    former: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)
    """Values of earlier generations, so that an old code can be called one."""
    zone: str | None = None
    """The zone that an earlier look found the domain to lie in, while that counts; what it says is to be checked."""


Effect = RequestCode | FindRoute | Publish | Withdraw | Look


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one `decide`.

    `effect` None: the visit is over, commit and give the row back to its lane. Otherwise: commit if the row changed
    (keeping the lease: intent before effect), perform the effect, and decide again with what it brought.
    """

    verification: Verification
    effect: Effect | None = None
    events: tuple[Event, ...] = ()
