"""What `decide` answers with: the row as it shall be stored, what to do in the world next, what to tell."""

from datetime import datetime

from txtproof.core.delays import Served
from txtproof.core.events import Event
from txtproof.core.model import Key, Record, Verification
from txtproof.core.values import Value


class RequestCode(Value, frozen=True):
    """Ask Nexus for a code."""

    key: Key
    turn: datetime | None = None
    """The place in the credential's line that the verification has, here and below."""


class FindRoute(Value, frozen=True):
    """Ask who writes this name."""

    name: str


class Publish(Value, frozen=True):
    """Have the value at the name, in place of those that it replaces, in one call."""

    hidden = frozenset({"replaces"})
    record: Record
    ttl: int
    replaces: tuple[str, ...] = ()
    turn: datetime | None = None


class Withdraw(Value, frozen=True):
    """Have exactly this value no more at its name."""

    record: Record
    turn: datetime | None = None


class Look(Value, frozen=True):
    """Ask the domain's authoritative servers for the value."""

    hidden = frozenset({"expected", "former"})
    domain: str
    name: str
    expected: bytes
    former: tuple[tuple[int, bytes], ...] = ()
    """Values of earlier generations, so that an old code can be called one."""
    zone: str | None = None
    """The zone that an earlier look found the domain to lie in, while that counts; what it says is to be checked."""
    first: str = ""
    """Address, as it is in the evidence, of a server that lacked the value when others had it: it is asked first."""
    rounds: int = 1
    """How often all servers must agree, one time after the other."""
    thorough: bool = False
    """True: where the value is not there, look for it where it may stand by mistake."""


Effect = RequestCode | FindRoute | Publish | Withdraw | Look


class Decision(Value, frozen=True):
    """The outcome of one `decide`.

    `effect` None: the visit is over, commit and give the row back to its lane. Otherwise: commit if the row changed
    (keeping the lease: intent before effect), perform the effect, and decide again with what it brought.
    """

    verification: Verification
    effect: Effect | None = None
    events: tuple[Event, ...] = ()
    served: Served | None = None
    """What was learned of a publisher."""
