"""The second view: what recursive resolvers say, once the authoritative servers agree (off unless some are named).

Whoever asks a resolver earlier plants a negative answer there that hides the record for up to the zone's SOA minimum
(RFC 2308, 5). A view agrees, or shows what the world still sees and until when, or says nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.question import PAYLOAD
from txtproof.adapters.dns.verdict import former
from txtproof.core.decisions import Look
from txtproof.core.evidence import MATCH, ServerView
from txtproof.core.observations import Match, Miss, Sight, Unseen
from txtproof.core.reasons import BLIND, Reason
from txtproof.core.values import Value

ROUNDED = timedelta(seconds=1)
"""TTLs are whole seconds, rounded down, and what has none left is given for one more: until then nothing is new."""

Ask = Callable[[dns.message.Message], Awaitable[dns.message.Message]]
"""Puts a question to a resolver; it raises whatever it likes where there is no answer."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """One recursive resolver, as it is shown, and the way to it."""

    shown: str
    ask: Ask


class Seen(Value, frozen=True):
    """What one resolver says."""

    view: ServerView
    changes_in: timedelta | None = None
    """When what it remembers ends."""
    error: str = ""
    """Extended DNS errors (RFC 8914), in words."""


class Views:
    """Ask several resolvers; a match stands where at least `needed` of them see it too."""

    def __init__(self, resolvers: Sequence[Resolver], needed: int) -> None:
        self._resolvers = tuple(resolvers)
        self._needed = min(needed, len(self._resolvers)) or len(self._resolvers)

    async def confirmed(self, match: Match, look: Look) -> Sight:
        """Return the match with what the resolvers say; a miss or nothing seen where too few of them agree."""
        seen = await asyncio.gather(*(_seen(one, look) for one in self._resolvers))
        servers = (*match.servers, *(one.view for one in seen))
        if sum(one.view.outcome == MATCH for one in seen) >= self._needed:
            return Match(servers, match.zone)
        behind = [one for one in seen if one.view.outcome != MATCH and one.view.outcome not in BLIND]
        if behind:
            first = behind[0]
            ends = [one.changes_in for one in behind if one.changes_in is not None]
            changes_in = min(ends) + ROUNDED if ends else None
            return Miss(Reason(first.view.outcome), _behind(first), servers, changes_in, match.zone)
        blind = next((one for one in seen if one.view.outcome == Reason.DNSSEC_BOGUS), None)
        if blind is not None:
            words = f"{blind.view.server} does not accept the zone's signatures"
            detail = f"{words}: {blind.error}" if blind.error else words
            return Unseen(Reason.DNSSEC_BOGUS, detail[:200], servers, match.zone)
        detail = f"{self._needed} of {len(seen)} resolvers must see it, and too few of them answer"
        return Unseen(Reason.CANNOT_SEE, detail, servers, match.zone)


async def _seen(resolver: Resolver, look: Look) -> Seen:
    name, begun = dns.name.from_text(look.name), time.monotonic()
    message = await _asked(resolver, name)
    if message is not None and message.rcode() == dns.rcode.SERVFAIL:
        # it answers without checking: what it does not accept is the signatures (RFC 4035, 3.2.2)
        unchecked = await _asked(resolver, name, dns.flags.CD)
        bogus = unchecked is not None and unchecked.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
        outcome = Reason.DNSSEC_BOGUS if bogus else Reason.SERVFAIL
        return _judged(resolver, message, outcome.value, begun, look)
    return _judged(resolver, message, _outcome(message, name, look), begun, look)


async def _asked(resolver: Resolver, name: dns.name.Name, more: dns.flags.Flag | int = 0) -> dns.message.Message | None:
    # AD says that we want to know (RFC 6840, 5.7)
    flags = dns.flags.RD | dns.flags.AD | more
    query = dns.message.make_query(name, dns.rdatatype.TXT, flags=flags, use_edns=0, payload=PAYLOAD)
    try:
        return await resolver.ask(query)
    except Exception:  # noqa: BLE001  # strangers feed parsers, TLS and HTTP: whatever they stumble over is no answer
        return None


def _outcome(message: dns.message.Message | None, name: dns.name.Name, look: Look) -> str:
    if message is None:
        return Reason.TIMEOUT.value
    if message.rcode() == dns.rcode.NXDOMAIN:
        return Reason.NEGATIVE_CACHE.value
    if message.rcode() != dns.rcode.NOERROR:
        refused = message.rcode() == dns.rcode.REFUSED
        return (Reason.REFUSED if refused else Reason.CANNOT_SEE).value
    values = reading.values_at_end(message, name)
    if look.expected in values:
        return MATCH
    if not values:
        return Reason.NEGATIVE_CACHE.value
    return (Reason.OLD_CODE if former(values, look) is not None else Reason.OTHER_VALUE).value


def _judged(resolver: Resolver, message: dns.message.Message | None, outcome: str, begun: float, look: Look) -> Seen:
    took = round((time.monotonic() - begun) * 1000)
    if message is None:
        return Seen(ServerView(resolver.shown, resolver.shown, outcome, took_ms=took))
    errors = reading.errors(message)
    view = ServerView(
        resolver.shown,
        resolver.shown,
        outcome,
        rcode=dns.rcode.to_text(message.rcode()),
        values=len(reading.values_at_end(message, dns.name.from_text(look.name))),
        took_ms=took,
        authenticated=bool(message.flags & dns.flags.AD),
        error=errors,
    )
    return Seen(view, reading.remembered(message), errors)


def _behind(seen: Seen) -> str:
    what = {
        Reason.NEGATIVE_CACHE: "remembers that the record is not there",
        Reason.OLD_CODE: "remembers a code from before",
    }.get(Reason(seen.view.outcome), "remembers TXT records without the code")
    until = "" if seen.changes_in is None else f", for {round(seen.changes_in.total_seconds())} s more"
    return f"{seen.view.server} {what}{until}"[:200]
