"""The resolvers: asked for name servers and their addresses, and never for the record."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.caches import FAILED_TTL, ExpiringCache, bounded
from txtproof.adapters.dns.exchange import Exchange, Reply
from txtproof.adapters.dns.shared import Shared
from txtproof.adapters.dns.stagger import first_good
from txtproof.adapters.system_resolvers import system_resolvers
from txtproof.endpoints import host_and_port

MOST_ADDRESSES = 26
"""Of one name server, and of all those of a zone: as many as the root's have."""
_DEFINITIVE = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of one name server, as they are known until then (on the monotonic clock)."""

    found: tuple[str, ...]
    until: float


class Resolvers:
    """Ask whichever resolver answers, the last one that did first."""

    def __init__(self, exchange: Exchange, given: Sequence[str]) -> None:
        self._exchange = exchange
        self._given = tuple(given)
        self._preferred = ""
        self._addresses: ExpiringCache[dns.name.Name, Addresses] = ExpiringCache()
        self._under_way: Shared[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.message.Message | None] = Shared()

    async def ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.Message | None:
        """Return the first definitive answer; else any answer (SERVFAIL ...); None where no resolver says anything."""
        return await self._under_way.once((name, kind), partial(self._asked, name, kind))

    async def _asked(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.Message | None:
        given = sorted(self._given or system_resolvers(), key=lambda one: one != self._preferred)
        found, others = await first_good([partial(self._put, one, name, kind) for one in given], _is_definitive)
        if found is not None:
            self._preferred = found[0]
            return found[1].message
        return next((reply.message for _, reply in others if reply.message is not None), None)

    async def addresses(self, name: dns.name.Name) -> Addresses:
        """Return a name server's addresses, v4 and v6, from the cache or by two questions."""
        known = self._addresses.get(name)
        if known is not None:
            return known
        answers = await asyncio.gather(*(self.ask(name, kind) for kind in (dns.rdatatype.A, dns.rdatatype.AAAA)))
        found = [one for answer in answers if answer is not None for one in reading.addresses(answer.answer)]
        # half an answer must not stand for all: without the other half, not every server would be asked
        complete = found and all(answer is not None and answer.rcode() in _DEFINITIVE for answer in answers)
        seconds = bounded(min(ttl for _, ttl, _ in found)) if complete else FAILED_TTL
        known = Addresses(tuple(address for _, _, address in found[:MOST_ADDRESSES]), time.monotonic() + seconds)
        self._addresses.put(name, known, seconds)
        return known

    async def _put(self, resolver: str, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> tuple[str, Reply]:
        return resolver, await self._exchange.ask(name, kind, *host_and_port(resolver), recurse=True)


def _is_definitive(asked: tuple[str, Reply]) -> bool:
    message = asked[1].message
    return message is not None and message.rcode() in _DEFINITIVE
