"""What one process is to ask, and with what it comes back; as JSON on its command line and its output.

Needs nothing but Python, like all that runs in the rivals' environments.
"""

import json
from dataclasses import asdict, dataclass

MISSES, MATCHES, PROOFS = "misses", "matches", "proofs"
"""Nothing at the name; the record at it; the record, and it is to be seen at all servers, over TCP, with their SOA."""
WITHIN = 0.5
"""Seconds for which one server is waited for before the next is asked, where a library can be told: as the engine."""
LIFETIME = 10.0


@dataclass(frozen=True, slots=True)
class Task:
    """One run of one library."""

    rival: str
    """The end of the name of the module that asks by it."""
    kind: str
    addresses: tuple[str, ...]
    port: int
    at_once: int
    """Names under way together."""
    warm: float
    """Seconds before those that count."""
    seconds: float
    batch: int = 0
    """Names that are given to the library together, where it takes them so; 0: one at a time."""

    def to_json(self) -> str:
        """Write it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """Read it."""
        given = json.loads(text)
        return cls(**{**given, "addresses": tuple(given["addresses"])})


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, in the seconds that count."""

    right: int
    """Names about which the truth was said."""
    wrong: int
    """Names about which something else was said, or nothing."""
    seconds: float
    cpu: float
    """Seconds of CPU time, user and system, of the whole process."""
    names: int
    """All that were asked about, the first seconds included."""
