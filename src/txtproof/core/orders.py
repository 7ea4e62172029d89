"""What other services and operators may ask for, once it has been validated."""

from datetime import datetime

from txtproof.core.model import Key
from txtproof.core.observations import Afterwards, Cancel, CheckNow, Release, Resume
from txtproof.core.values import Value


class Request(Value, frozen=True):
    """Verify this domain; where that is under way already, join in."""

    domain: str | None = None
    """A-labels, lower case, no trailing dot; None: Nexus knows it."""
    deadline: datetime | None = None
    """Aware; None: the policy's."""
    correlation_id: str | None = None
    """Copied to every event."""


class Order(Value, frozen=True):
    """A wish about one key."""

    key: Key
    wish: Request | Cancel | CheckNow | Resume | Release | Afterwards


class Refusal(Value, frozen=True):
    """An order that cannot be taken, and why: a word for machines, a sentence for people."""

    reason: str
    detail: str
