"""What txtproof knows of one verification: data only, no behaviour that needs a clock or a socket."""

from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Self

from txtproof.core.evidence import ServerView
from txtproof.core.reasons import Reason
from txtproof.core.values import Value

MAX_ID = 2**31 - 1
"""Nexus ids are int32 (nexus: path parameters), and positive."""


class State(StrEnum):
    """Where a verification stands; the table is in docs/states.md."""

    REQUESTED = "requested"
    PUBLISHING = "publishing"
    CHECKING = "checking"
    BLOCKED = "blocked"
    VERIFIED = "verified"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Say whether this state is never left."""
        return self in TERMINAL


TERMINAL = frozenset({State.VERIFIED, State.FAILED, State.EXPIRED, State.CANCELLED})


class Step(StrEnum):
    """One kind of work: a lane of the store and a Celery task have the same name."""

    REQUEST_CODE = "request_code"
    PUBLISH_RECORD = "publish_record"
    CHECK_RECORD = "check_record"
    WITHDRAW_RECORD = "withdraw_record"


class Key(Value, frozen=True, order=True):
    """Name the one active verification that a domain of an organization can have."""

    organization_id: int
    domain_id: int

    def __post_init__(self) -> None:
        for name in ("organization_id", "domain_id"):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= MAX_ID:
                raise ValueError(f"{name} must be a whole number from 1 to {MAX_ID}, not {value!r:.40}")

    def __str__(self) -> str:
        return f"{self.organization_id}/{self.domain_id}"

    @property
    def subject(self) -> str:
        """Return the subject that events about this key carry."""
        return f"organizations/{self.organization_id}/domains/{self.domain_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `ORG/DOMAIN_ID`, decimal ASCII digits; anything else is a ValueError that says so."""
        left, slash, right = text.partition("/")
        if not (slash and all(part.isascii() and part.isdigit() and len(part) <= 10 for part in (left, right))):
            raise ValueError(f"{text[:60]!r} is not an id: write ORG/DOMAIN_ID, for example 42/7")
        return cls(int(left), int(right))


class Code(Value, frozen=True):
    """Hold a verification code and the instant, on the store's clock, from which it counts no more."""

    hidden = frozenset({"value"})
    value: str
    expires: datetime
    issued: datetime
    assumed: bool = False
    """True where Nexus gave no expiry and the policy's assumed lifetime stands in for it."""

    @property
    def fingerprint(self) -> str:
        """Return what may be shown of a code: the first 16 hex digits of its SHA-256."""
        return sha256(self.value.encode()).hexdigest()[:16]


class Record(Value, frozen=True):
    """One TXT value of ours at one name: a line of the ledger.

    It enters the ledger before the provider is called, and only an exact value from the ledger is ever removed.
    """

    hidden = frozenset({"value"})
    publisher: str
    zone: str
    name: str
    value: str
    generation: int = 0
    """Which code of this run it carries; 0 for what a run before this one wrote."""
    superseded: bool = False
    """True once it is to go whatever the policy: another value took its place, its run ended unverified, or its removal
    was begun and given up."""
    by_hand: bool = False
    """True once it was told that somebody has to write it."""
    stood: bool | None = None
    """Whether the provider held it before it was first written; None: that is not known yet."""

    @property
    def proved_before(self) -> bool:
        """Say whether a run before this one was verified by it, and nothing has taken its place."""
        return self.generation == 0 and not self.superseded

    def beside(self, other: "Record") -> bool:
        """Say whether both stand in the same TXT set."""
        return (self.publisher, self.zone, self.name) == (other.publisher, other.zone, other.name)

    def same_value(self, other: "Record") -> bool:
        """Say whether both are the same value in the same TXT set, whatever their generation."""
        return self.beside(other) and self.value == other.value


class Change(Value, frozen=True):
    """One line of a verification's history: when it entered which state, and why."""

    time: datetime
    state: State
    reason: Reason | None = None


class Verification(Value, frozen=True):
    """One run of proving that an organization controls a domain: a row of the store."""

    id: str
    key: Key
    state: State
    accepted: datetime
    deadline: datetime
    step: Step | None = None
    """The lane that holds the row; None when nothing is left to do."""
    wake: datetime | None = None
    """When that step is due; None exactly when `step` is."""
    domain: str | None = None
    """A-labels, lower case, no trailing dot; None until the command or Nexus has said it."""
    generation: int = 0
    """How many codes were issued to this run; 0 before the first."""
    code: Code | None = None
    ledger: tuple[Record, ...] = ()
    reason: Reason | None = None
    """Why it is not verified yet, or why it ended."""
    detail: str = ""
    """The reason's particulars, for a person: never a code, never a TXT value."""
    servers: tuple[ServerView, ...] = ()
    """What each name server said at the last look."""
    looks: int = 0
    """Definitive misses since the record was published: the place on the curve."""
    failures: int = 0
    """Calls in a row that reached nobody: the place on the back-off."""
    turn: datetime | None = None
    """Its place in the line of a credential: when its next call may be made. None: it has none yet."""
    zone: str | None = None
    """The zone that a look found the domain to lie in: A-labels, lower case, no trailing dot."""
    zone_until: datetime | None = None
    """From when on that counts no more; None exactly when `zone` is."""
    told: datetime | None = None
    """When the last `checked` event went out."""
    missed: datetime | None = None
    """When a look missed it last, since the record was published."""
    asked: datetime | None = None
    """When the last look on command was asked for."""
    planned: datetime | None = None
    """When the next look was planned, while one on command comes before it."""
    sequence: int = 0
    """Number of the last event about this run."""
    correlation_id: str | None = None
    history: tuple[Change, ...] = ()

    @property
    def parked(self) -> bool:
        """Say whether it was set aside because whoever worked on it died; only a person lets it go on."""
        return self.state is State.BLOCKED and self.reason is Reason.POISON
