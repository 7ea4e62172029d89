"""What the workflow needs of the world: one protocol per role.

Adapters return values; what the outside did wrong is a value too, never an exception.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from txtproof.core.decisions import Look
from txtproof.core.delays import Delays, Served
from txtproof.core.events import Event
from txtproof.core.model import Key, Record, State, Step, Verification
from txtproof.core.observations import (
    Command,
    PublishAnswer,
    Queued,
    RouteAnswer,
    Sight,
    Unreachable,
    UpstreamAnswer,
    WithdrawAnswer,
)
from txtproof.core.values import Value


class StoreUnavailable(Exception):
    """The store cannot be reached, or answers that it cannot work now; the message says which and why."""


class Turn(Value, frozen=True):
    """Leave to make one call with a credential."""

    credential: str
    id: str
    taken: datetime
    """When, on the store's clock."""
    trying: bool = False
    """True where the credential was refused before, and this call tries it."""


class Verdict(StrEnum):
    """What a call has shown of its credential."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"
    """The other side asks to be called later."""
    UNKNOWN = "unknown"
    """There was no answer."""


class Closed(Value, frozen=True):
    """The other side refused the credential: one call tries it now and then, all others are not made."""

    until: datetime
    """When the next one tries it, on the store's clock."""


class Credential(Value, frozen=True):
    """How things stand with a credential, for an operator."""

    refused: bool
    """It was refused, and not taken since."""
    tried_again: datetime | None
    """When a call tries it again, on the store's clock; None where it is not refused."""
    in_flight: int
    """Calls under way."""
    most_in_flight: int
    waits: timedelta
    """How long the next call would wait in the line."""


class Turns(Protocol):
    """Who may call with which credential, and when: one line per credential, for all workers together."""

    async def take(self, credential: str, lane: Step, place: datetime | None = None) -> Turn | Queued | Closed:
        """Ask to call now, for the work in a lane: with its rows a dead process's calls are over too.

        `place`: the place in the line that was given before; when it has come, it is paid for.
        """

    async def give_back(self, turn: Turn, verdict: Verdict, pause: timedelta = timedelta(0)) -> None:
        """Say that the call is over; `pause`: how much later, where it is `LATER`."""

    async def leave(self, lane: Step) -> None:
        """Leave this worker's calls for a lane to end by themselves, when another process of it has the lane."""

    async def reopen(self) -> None:
        """Let calls be made with credentials that were refused: a person has acted."""


class Clock(Protocol):
    """Time as it passes. What the time *is*, the store says: there is one clock for all workers."""

    def elapsed(self) -> float:
        """Return seconds since some fixed instant, never going back."""


class Upstream(Protocol):
    """Nexus."""

    async def generate_code(self, key: Key) -> UpstreamAnswer:
        """Ask for a code: one call, no repeats of its own, done within the call timeout."""


class Lookup(Protocol):
    """The judge: the domain's authoritative servers."""

    async def look(self, look: Look) -> Sight:
        """Look once, within the call timeout."""


class Capability(StrEnum):
    """How a provider lets its TXT sets be changed."""

    ATOMIC_SWAP = "atomic_swap"
    """The old value goes and the new one comes in one step."""
    COMPARE_AND_SWAP = "compare_and_swap"
    """A change is refused where the set is not as it was read."""
    PER_VALUE = "per_value"
    """Values are added and deleted one by one: nothing of others is written."""
    READ_MODIFY_WRITE = "read_modify_write"
    """The whole set is written: changes to it must take turns."""
    WHOLE_ZONE = "whole_zone"
    """The whole zone is written: changes to it must take turns."""


class Locks(Protocol):
    """Turns at a place, for all workers together. Never trusted alone: who is frozen does not know that it lost one."""

    def hold(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold a lock for as long as the block lasts; False where somebody else has it all the time."""


class Publisher(Protocol):
    """One DNS provider. The promise: every other value at the name, and the set's TTL, stays as it is.

    Values are opaque bytes, compared joined and case-sensitively. All calls are idempotent.
    """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return how the provider lets its TXT sets be changed."""

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`, with no instant without a valid value.

        `ttl` in seconds counts only where no TXT set exists yet: a TTL belongs to the set (RFC 2181, 5.2).
        """

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name."""

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:
        """Return the values at the name as the provider holds them; None where it cannot say."""

    async def aclose(self) -> None:
        """End what is open."""


@runtime_checkable
class Apex(Protocol):
    """A publisher that knows which name servers its provider has for a zone: these are held against the delegation."""

    async def name_servers(self, zone: str) -> Sequence[str] | None:
        """Return the names in the zone's NS set as the provider holds it; None where it does not say."""


class Standing(Value, frozen=True):
    """Where a name stands in public DNS, as the authoritative servers say, from the top down."""

    zone: str
    """The deepest zone cut at or above the name: A-labels, lower case, no trailing dot.

    Empty: whoever could know of one says that there is none.
    """
    servers: tuple[str, ...]
    """The names of those that the zone is delegated to; none only where there is no zone."""
    target: str | None = None
    """Where the name is an alias of another one: that."""
    wildcard: bool = False
    """The alias is made of every name there; one that is written takes precedence (RFC 4592, 2.2.1)."""
    unseen: Unreachable | None = None
    """Why nothing is known of the name itself: the zone's servers have said nothing of use."""


class Delegations(Protocol):
    """What public DNS says before anything is written: aliases, and where zones are delegated to."""

    async def standing(self, name: str, zone: str | None) -> Standing | Unreachable:
        """Find where a name stands; `zone`: a zone at or above it that is hoped to be the one that it lies in.

        No cache is asked for the name itself.
        """


class Publishing(Protocol):
    """All publishers, behind the routing from a name to the one that writes it."""

    async def route(self, name: str) -> RouteAnswer:
        """Find who writes the name."""

    async def publish(self, record: Record, ttl: int, replaces: Sequence[bytes] = ()) -> PublishAnswer:
        """Call the record's publisher: `Publisher.ensure_txt`."""

    async def withdraw(self, record: Record) -> WithdrawAnswer:
        """Call the record's publisher: `Publisher.remove_txt`."""


# The store


class Row(Value, frozen=True):
    """A row under lease: whoever holds the highest fence may commit."""

    verification: Verification
    fence: int
    claims: int
    """Claims since a visit came to its end other than in a credential's line, this one included."""
    inbox: tuple[Command, ...] = ()
    """Commands that wait for this visit, oldest first."""


class Claimed(Value, frozen=True):
    """What a claim brought, and what the time was on the store's clock."""

    now: datetime
    rows: tuple[Row, ...]


class Commit(Value, frozen=True):
    """One atomic change of a row."""

    row: Row
    number: int
    """Which commit of the visit it is, from 1: the same number again is answered `APPLIED` and changes nothing."""
    verification: Verification
    events: tuple[Event, ...] = ()
    keep_lease: bool = False
    """True in the middle of a visit."""
    in_line: bool = False
    """True at the end of one that was told to wait for its turn: it came no further, so claims before it count on."""
    heard: int = 0
    """How many commands of the row's inbox are dealt with: they are removed, and what came later stays."""
    served: Served | None = None
    """What was learned of a publisher: it joins the latest that are known of it."""


class Outcome(StrEnum):
    """What became of a commit."""

    COMMITTED = "committed"
    APPLIED = "applied"
    """It had been committed before: a reply was lost."""
    FENCED = "fenced"
    """Somebody else holds the row now: drop everything."""


class Arrival(Value, frozen=True):
    """A command on its way in."""

    key: Key
    command: Command
    """What the verification of this key is told: an active one, or one that has ended (`Afterwards`)."""
    newborn: tuple[Verification, tuple[Event, ...]] | None = None
    """What is stored where there is no active one; None for commands that need one."""
    ack: tuple[str, str, str] | None = None
    """Stream, group and entry id that this acknowledges, in the same atomic step."""


class Welcome(StrEnum):
    """What became of an arrival."""

    CREATED = "created"
    ATTACHED = "attached"
    """It waits in the inbox of the verification."""
    NOT_FOUND = "not_found"
    ENDED = "ended"
    """The verification is terminal and the command needs an active one."""
    ACTIVE = "active"
    """The other way round."""


class Store(Protocol):
    """The truth: rows, lanes with due times, and the outbox, changed together or not at all."""

    async def now(self) -> datetime:
        """Return the time on the store's clock, aware, UTC."""

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Welcome]:
        """Create, attach or refuse each (ACCEPT)."""

    async def claim(self, step: Step, limit: int) -> Claimed:
        """Lease up to `limit` due rows of a lane, the longest due first (CLAIM)."""

    async def commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        """Write each change whose fence still holds (COMMIT)."""

    async def recover(self, step: Step, *, blameless: bool = False) -> int:
        """Make due again what this worker holds in a lane; return how many rows that were (RECOVER).

        Only for the one process of the worker that works on the lane: whoever held them is gone, or hands them back,
        which is `blameless` and counts as no claim.
        """

    async def leave(self, rows: Sequence[Row]) -> None:
        """Leave rows to their leases: they are not to be recovered before those have run out."""

    async def due(self) -> frozenset[Step]:
        """Return the lanes that have work now."""

    async def delays(self) -> Mapping[str, Delays]:
        """Return what was learned of each publisher."""

    async def audit(self, parts: int = 1) -> int:
        """Put back rows with a step that no lane holds; return how many there were (AUDIT).

        It reads one of so many parts of all rows, on from where the last call has ended: `parts` calls, or one more,
        have read them all.
        """


class Register(Protocol):
    """The truth, read only: for operators."""

    async def find(self, key: Key) -> Verification | None:
        """Return the latest verification of a key."""

    def list(self, state: State | None = None) -> AsyncIterator[Verification]:
        """Go through all verifications, in no order, each once."""

    async def parked(self) -> Sequence[Key]:
        """Return the rows that were set aside, the longest first."""

    async def left_over(self) -> Sequence[Key]:
        """Return the ended rows with values that are to go and that nobody removes, the longest first."""

    def events(self, *, follow: bool) -> AsyncIterator[bytes]:
        """Go through the outbox from its oldest event on, as it was written; with `follow`, wait for more."""


class Timeouts(Value, frozen=True):
    """Limits that nest (docs/architecture.md); each must be shorter than the one below it."""

    call: timedelta = timedelta(seconds=10)
    """One call to Nexus, a publisher or the name servers."""
    visit: timedelta = timedelta(seconds=25)
    """One batch of visits; what is left then is cancelled and its leases run out."""
    lease: timedelta = timedelta(seconds=60)
    """How long a claimed row belongs to its worker."""
