"""Past facts about a verification, for other services. What an event carries is fixed here.

None carries a credential, and none a code but `record-required`, which asks a person to write it.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from txtproof.core.values import Value, field

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class EventKind(StrEnum):
    """The last word but one of an event's type: `com.txtproof.verification.KIND.v1`."""

    ACCEPTED = "accepted"
    CODE_ISSUED = "code-issued"
    RECORD_REQUIRED = "record-required"
    RECORD_PUBLISHED = "record-published"
    CHECKED = "checked"
    BLOCKED = "blocked"
    RESUMED = "resumed"
    VERIFIED = "verified"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    RECORD_REMOVED = "record-removed"


TERMINAL_EVENTS = frozenset({EventKind.VERIFIED, EventKind.FAILED, EventKind.EXPIRED, EventKind.CANCELLED})


class Event(Value, frozen=True):
    """One fact; its id `<verification_id>:<sequence>` is the same however often it is delivered."""

    hidden = frozenset({"data"})
    """One kind has a code in it."""
    kind: EventKind
    verification_id: str
    subject: str
    sequence: int
    time: datetime
    correlation_id: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Return the event's deterministic id."""
        return f"{self.verification_id}:{self.sequence}"
