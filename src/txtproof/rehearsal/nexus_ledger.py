"""The stand-in's memory: which domains it knows, how it is to answer next, and what it was asked."""

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe

from txtproof.core.events import Json
from txtproof.core.model import Key

ISSUING = frozenset({200, 201})
USUAL_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Answer:
    """How one call is answered. With 200 or 201 a code is issued first, even where nobody gets to see it."""

    status: int = 201
    lifetime: timedelta | None = None
    """Of the code; negative: it has expired already. None: as the domain was registered."""
    members: Mapping[str, Json] = field(default_factory=dict, repr=False)
    """Put in the place of the body's own members: `{"isVerified": True, "verificationCode": None}`."""
    body: bytes | None = field(default=None, repr=False)
    """Sent as it is, in the place of JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """`{"Retry-After": "2"}`; in the place of the usual ones where the name is the same."""
    after: timedelta = timedelta(0)
    """How long the answer takes."""
    trickles: timedelta = timedelta(0)
    """How long the body takes, byte by byte, after a head that came in time."""
    reset: bool = False
    """True: the connection is reset after processing, and no answer comes."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, in the order of arrival."""

    time: datetime
    key: Key
    status: int | None
    """None where the connection was reset."""


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """One code; the one after it kills it."""

    code: str = field(repr=False)
    issued: datetime
    expires: datetime | None

    def lives(self, now: datetime) -> bool:
        """Say whether it has not expired."""
        return self.expires is None or now < self.expires


@dataclass(slots=True)
class Domain:
    """What Nexus holds of a domain."""

    name: str | None
    lifetime: timedelta | None
    first_lifetimes: deque[timedelta | None]
    script: deque[Answer] = field(default_factory=deque)

    def next_lifetime(self) -> timedelta | None:
        """Return how long the next code lives; None: it has no expiry."""
        return self.first_lifetimes.popleft() if self.first_lifetimes else self.lifetime


class Ledger:
    """Keep it all. The server's thread writes, the tests' thread reads: every method takes the lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._domains: dict[Key, Domain] = {}
        self._issued: dict[Key, list[IssuedCode]] = {}
        self._calls: list[Call] = []
        self._unexpected: list[Key] = []
        self._in_flight: dict[Key, list[int]] = {}
        self._overlapping: list[Key] = []

    def register(
        self, key: Key, name: str | None, lifetime: timedelta | None, first: Iterable[timedelta | None]
    ) -> None:
        """Add a domain, or put another in its place."""
        with self._lock:
            self._domains[key] = Domain(name, lifetime, deque(first))

    def script(self, key: Key, answers: Iterable[Answer]) -> None:
        """Say how the next calls for a registered domain are answered. Raises KeyError where there is none."""
        with self._lock:
            self._domains[key].script.extend(answers)

    def unscript(self, key: Key) -> None:
        """Forget what was scripted and has not been answered yet."""
        with self._lock:
            self._domains[key].script.clear()

    def enter(self, key: Key, port: int) -> None:
        """Note that a call has begun, from that port of its caller."""
        with self._lock:
            callers = self._in_flight.setdefault(key, [])
            if callers:
                self._overlapping.append(key)
            callers.append(port)

    def leave(self, key: Key, port: int) -> None:
        """Note that a call is over."""
        with self._lock:
            self._in_flight[key].remove(port)

    def refuse(self, key: Key, status: int, now: datetime) -> None:
        """Note a call that never reached its domain."""
        with self._lock:
            self._calls.append(Call(now, key, status))

    def process(self, key: Key, now: datetime) -> tuple[Answer, dict[str, Json]] | None:
        """Carry a call out; return how to answer it, and the body's members; None for an unknown domain."""
        with self._lock:
            domain = self._domains.get(key)
            if domain is None:
                self._unexpected.append(key)
                self._calls.append(Call(now, key, 404))
                return None
            answer = domain.script.popleft() if domain.script else Answer()
            self._calls.append(Call(now, key, None if answer.reset else answer.status))
            return answer, self._issue(key, domain, answer, now) if answer.status in ISSUING else {}

    def _issue(self, key: Key, domain: Domain, answer: Answer, now: datetime) -> dict[str, Json]:
        lifetime = domain.next_lifetime() if answer.lifetime is None else answer.lifetime
        code = IssuedCode(token_urlsafe(24), now, None if lifetime is None else now + lifetime)
        self._issued.setdefault(key, []).append(code)
        return {**thirteen_members(key, domain.name, code), **answer.members}

    @property
    def calls(self) -> tuple[Call, ...]:
        """Return every call so far."""
        with self._lock:
            return tuple(self._calls)

    @property
    def overlapping(self) -> tuple[Key, ...]:
        """Return the key of every call that began while another for it was in flight: there must be none."""
        with self._lock:
            return tuple(self._overlapping)

    @property
    def in_flight(self) -> dict[Key, tuple[int, ...]]:
        """Return the keys that are being called for now, with the ports of their callers."""
        with self._lock:
            return {key: tuple(ports) for key, ports in self._in_flight.items() if ports}

    @property
    def unexpected(self) -> tuple[Key, ...]:
        """Return the keys that were asked for and are not registered."""
        with self._lock:
            return tuple(self._unexpected)

    @property
    def issued(self) -> dict[Key, tuple[IssuedCode, ...]]:
        """Return the codes of each key, the oldest first."""
        with self._lock:
            return {key: tuple(codes) for key, codes in self._issued.items()}


def thirteen_members(key: Key, name: str | None, code: IssuedCode) -> dict[str, Json]:
    """Return the body of a 201 (nexus: generate-code)."""
    return {
        "authenticationMethod": "None",
        "created": ticks(code.issued),
        "createdBy": "rehearsal",
        "domain": name,
        "domainId": key.domain_id,
        "isVerified": False,
        "modified": ticks(code.issued),
        "modifiedBy": "rehearsal",
        "organizationId": key.organization_id,
        "ownerOrganizationId": key.organization_id,
        "verificationCode": code.code,
        "verificationCodeExpires": None if code.expires is None else ticks(code.expires),
        "verificationMethod": "DnsTxt",
    }


def ticks(time: datetime) -> str:
    """Write an instant as .NET does: UTC, seven fractional digits."""
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}0Z"
