"""What other services and operators may ask for, once it has been validated."""

from dataclasses import dataclass
from datetime import datetime

from txtproof.core.model import Key
from txtproof.core.observations import Cancel, Release, Resume


@dataclass(frozen=True, slots=True)
class Request:
    """Verify this domain; where that is under way already, join in."""

    domain: str | None = None
    """A-labels, lower case, no trailing dot; None: Nexus knows it."""
    deadline: datetime | None = None
    """Aware; None: the policy's."""
    correlation_id: str | None = None
    """Copied to every event."""


@dataclass(frozen=True, slots=True)
class Order:
    """A wish about one key."""

    key: Key
    wish: Request | Cancel | Resume | Release


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order that cannot be taken, and why: a word for machines, a sentence for people."""

    reason: str
    detail: str
