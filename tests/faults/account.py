"""What there is to judge by at the end: what was asked for, what the outside saw, what is stored, what was told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from txtproof.core.model import Key, State, Verification

Line = tuple[str, str, int, str]
"""One record of a zone: name, type, TTL, text."""
TERMINAL = frozenset({"verified", "failed", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class Request:
    """A verification that was asked for, and taken by the intake's stream or queue."""

    key: Key
    domain: str
    zone: str
    sent: datetime
    fault: str = ""
    """The fault that was thrown at it."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the store says of a key at the end."""

    verification_id: str
    state: State
    cleaned_up: bool
    sequence: int

    @classmethod
    def of(cls, v: Verification) -> "Row":
        """Keep what is judged."""
        return cls(v.id, v.state, v.step is None, v.sequence)


@dataclass(frozen=True, slots=True)
class Told:
    """One event, as a consumer of the outbox read it."""

    id: str
    verification_id: str
    key: Key
    kind: str
    sequence: int
    time: datetime
    generation: int
    fingerprint: str | None
    """Of the code, where one was issued."""
    reason: str | None
    body: bytes = field(repr=False)

    @property
    def terminal(self) -> bool:
        """Say whether it is the last word about a verification."""
        return self.kind in TERMINAL

    @classmethod
    def read(cls, body: bytes) -> "Told":
        """Read one entry's body."""
        event: dict[str, Any] = json.loads(body)
        data = event["data"]
        return cls(
            id=event["id"],
            verification_id=data["verificationId"],
            key=Key(data["organizationId"], data["domainId"]),
            kind=event["type"].split(".")[-2],
            sequence=int(event["sequence"]),
            time=datetime.fromisoformat(event["time"]),
            generation=data["generation"],
            fingerprint=data.get("code_sha256"),
            reason=data.get("reason"),
            body=body,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Everything, at the end of a run."""

    requests: tuple[Request, ...]
    rows: Mapping[Key, Row]
    events: tuple[Told, ...]
    """As a consumer that was there all the time has read them, in order, repetitions and all."""
    issued: Mapping[Key, tuple[str, ...]] = field(repr=False)
    """Nexus's own ledger: the codes of each key, the oldest first."""
    overlapping: tuple[Key, ...] = ()
    """The key of every call to Nexus that began while another for it was in flight."""
    unexpected: tuple[Key, ...] = ()
    """Keys that Nexus was asked for and does not know."""
    written: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    """The name servers' own ledger: name and TXT value of every record that an update added or deleted."""
    before: tuple[Line, ...] = ()
    """Every record of every zone before anything was asked for."""
    after: tuple[Line, ...] = field(default=(), repr=False)
    late_after: Mapping[Key, datetime] = field(default_factory=dict)
    """When each verification must have ended."""
    rolled_back: frozenset[Key] = frozenset()
    """Those of which the store forgot something: what is done again bears another time."""
