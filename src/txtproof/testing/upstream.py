"""A stand-in of Nexus in memory, for tests of whatever calls port `Upstream`."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe

from txtproof.core.model import Key
from txtproof.core.observations import AlreadyVerified, Ambiguous, CodeIssued, Rejected, UpstreamAnswer
from txtproof.core.reasons import Reason


@dataclass(slots=True)
class _Domain:
    name: str | None
    lifetime: timedelta | None
    first_lifetimes: deque[timedelta | None]
    verified: bool
    queue: deque[UpstreamAnswer] = field(default_factory=deque)


class MemoryUpstream:
    """Issue codes for the keys that were registered; port `Upstream`. Each code kills the one before it.

    `now` is Nexus's clock, aware.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._domains: dict[Key, _Domain] = {}
        self._in_flight: Counter[Key] = Counter()
        self.calls: list[Key] = []
        """Every call so far."""
        self.overlaps = 0
        """How many calls began while another for the same key was in flight: it must stay 0."""
        self.unexpected: list[Key] = []
        """Calls for keys that are not registered."""
        self.issued: dict[Key, list[CodeIssued]] = {}
        """The codes of each key, the oldest first, those included that nobody got to see."""

    def register(
        self,
        key: Key,
        domain: str | None,
        *,
        lifetime: timedelta | None = timedelta(days=7),
        first_lifetimes: Iterable[timedelta | None] = (),
        verified: bool = False,
    ) -> None:
        """Add a domain. `lifetime` is that of its codes (None: they have no expiry), after the first ones'."""
        self._domains[key] = _Domain(domain, lifetime, deque(first_lifetimes), verified)

    def script(self, key: Key, *answers: UpstreamAnswer) -> None:
        """Say how the next calls for a registered key are answered; after that it goes on as usual.

        An `Ambiguous` takes effect all the same, as in the worst case: a code is issued that nobody sees.
        """
        self._domains[key].queue.extend(answers)

    def live(self, key: Key) -> CodeIssued | None:
        """Return the code that counts now: the last one, unless it has expired."""
        codes = self.issued.get(key, [])
        expired = bool(codes) and codes[-1].expires is not None and codes[-1].expires <= self._now()
        return codes[-1] if codes and not expired else None

    async def generate_code(self, key: Key) -> UpstreamAnswer:
        """Ask for a code."""
        self.calls.append(key)
        self.overlaps += self._in_flight[key] > 0
        self._in_flight[key] += 1
        try:
            # a real call lets others run before it answers: without that, calls could never overlap
            await asyncio.sleep(0)
            return self._answer(key)
        finally:
            self._in_flight[key] -= 1

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    def _answer(self, key: Key) -> UpstreamAnswer:
        domain = self._domains.get(key)
        if domain is None:
            self.unexpected.append(key)
            return Rejected(Reason.UNKNOWN_DOMAIN, "not registered")
        scripted = domain.queue.popleft() if domain.queue else None
        match scripted:
            case None if domain.verified:
                return AlreadyVerified(domain.name)
            case None:
                return self._issue(key, domain)
            case Ambiguous():
                self._issue(key, domain)
            case CodeIssued():
                self.issued.setdefault(key, []).append(scripted)
        return scripted

    def _issue(self, key: Key, domain: _Domain) -> CodeIssued:
        now = self._now()
        lifetime = domain.first_lifetimes.popleft() if domain.first_lifetimes else domain.lifetime
        code = CodeIssued(token_urlsafe(24), None if lifetime is None else now + lifetime, domain.name, now)
        self.issued.setdefault(key, []).append(code)
        return code
