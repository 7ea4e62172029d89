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

from txtproof.adapters.dns import reading, short_path
from txtproof.adapters.dns.caches import FAILED_TTL, ExpiringCache, bounded
from txtproof.adapters.dns.datagrams import Silence
from txtproof.adapters.dns.exchange import Exchange, Reply
from txtproof.adapters.dns.question import NS_IN, question_for, section
from txtproof.adapters.dns.shared import Shared
from txtproof.adapters.dns.short_path import NameServers
from txtproof.adapters.dns.stagger import HEAD_START, first_good
from txtproof.adapters.system_resolvers import system_resolvers
from txtproof.endpoints import host_and_port

MOST_ADDRESSES = 26
"""Of one name server, and of all those of a zone: as many as the root's have."""
MOST_SAID = 256
"""Answers read at length that are kept for a second."""
_DEFINITIVE = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})
_LAST_WORDS = _DEFINITIVE | {dns.rcode.SERVFAIL, dns.rcode.REFUSED}
"""After which a lone resolver need not be asked another way; of several, another may know what one fails to find."""


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
        self._addresses: ExpiringCache[str, Addresses] = ExpiringCache()
        self._said: ExpiringCache[dns.name.Name, dns.message.Message] = ExpiringCache(MOST_SAID)
        """What was no plain answer to the question for name servers: whoever goes the long way begins there."""
        self._under_way: Shared[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.message.Message | None] = Shared()

    async def name_servers(self, zone: str) -> NameServers | None:
        """Return a zone's name servers, by one plain answer of one resolver; None where that takes more."""
        asked = question_for(zone, NS_IN, recurse=True)
        given = self._given or system_resolvers()
        if asked is None or not given:
            return None
        resolver = self._preferred or given[0]
        # what it says decides whom a match is asked of: each question has a port of its own
        said = await self._exchange.put(asked, *host_and_port(resolver), partial(_said, section(asked)), HEAD_START)
        if isinstance(said, dns.message.Message) and said.rcode() in (_DEFINITIVE if len(given) > 1 else _LAST_WORDS):
            self._said.put(dns.name.from_text(zone), said, FAILED_TTL)
        if not isinstance(said, NameServers):
            return None
        self._preferred = resolver
        return said

    def known(self, server: str) -> Addresses | None:
        """Return a name server's addresses (lower case, no trailing dot), where that takes no question."""
        return self._addresses.get(server)

    async def ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.Message | None:
        """Return the first definitive answer; else any answer (SERVFAIL ...); None where no resolver says anything."""
        said = self._said.get(name) if kind == dns.rdatatype.NS else None
        if said is not None:
            return said
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
        server = name.to_text(omit_final_dot=True).lower()
        known = self._addresses.get(server)
        if known is not None:
            return known
        answers = await asyncio.gather(*(self.ask(name, kind) for kind in (dns.rdatatype.A, dns.rdatatype.AAAA)))
        found = [one for answer in answers if answer is not None for one in reading.addresses(answer.answer)]
        # half an answer must not stand for all: without the other half, not every server would be asked
        complete = found and all(answer is not None and answer.rcode() in _DEFINITIVE for answer in answers)
        seconds = bounded(min(ttl for _, ttl, _ in found)) if complete else FAILED_TTL
        known = Addresses(tuple(address for _, _, address in found[:MOST_ADDRESSES]), time.monotonic() + seconds)
        self._addresses.put(server, known, seconds)
        return known

    async def _put(self, resolver: str, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> tuple[str, Reply]:
        return resolver, await self._exchange.ask(name, kind, *host_and_port(resolver), recurse=True)


def _said(asked: bytes, wire: bytes) -> NameServers | dns.message.Message | Silence | None:
    """Return what a datagram says to the question section `asked` for NS; None where it is no answer to that."""
    return short_path.read_name_servers(wire, asked) or reading.at_length(wire, asked)


def _is_definitive(asked: tuple[str, Reply]) -> bool:
    message = asked[1].message
    return message is not None and message.rcode() in _DEFINITIVE
