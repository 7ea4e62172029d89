"""The ways to a recursive resolver: plain DNS, DNS over TLS (RFC 7858), DNS over HTTPS (RFC 8484)."""

import asyncio
import re
import ssl
from functools import partial
from typing import NamedTuple

import dns.flags
import dns.message
import httpx

from txtproof.adapters.dns import octets
from txtproof.adapters.dns.views import Ask, Resolver
from txtproof.adapters.dns_bounds import is_modest
from txtproof.adapters.dns_stream import LONGEST, connected
from txtproof.endpoints import endpoint, host_and_port

WITHIN = 4.0
"""Seconds for one question."""
DNS_MESSAGE = "application/dns-message"
_TLS = re.compile(r"tls://([^#]+)(?:#([A-Za-z0-9.-]{1,253}))?")
_HTTPS = re.compile(r"https://[^\s@]+")


class Way(NamedTuple):
    """How a resolver is reached."""

    kind: str
    """`udp`, `tls` or `https`."""
    place: str
    """`address:port`, or the URL."""
    name: str = ""
    """That the certificate must have; empty: the address."""


def way(given: str) -> Way:
    """Read how a resolver is written. Raises ValueError that says what to write."""
    if _HTTPS.fullmatch(given):
        return Way("https", given)
    if found := _TLS.fullmatch(given):
        return Way("tls", endpoint(found[1]), found[2] or "")
    try:
        return Way("udp", endpoint(given))
    except ValueError:
        raise ValueError(
            f"{given[:60]!r} is no resolver: write 192.0.2.53:53, tls://192.0.2.53:853#name or https://host/dns-query"
        ) from None


class Ways:
    """Reach resolvers, with one TLS context and one HTTP client. The certificates that are trusted are the system's."""

    def __init__(self) -> None:
        self._tls: ssl.SSLContext | None = None
        self._client: httpx.AsyncClient | None = None

    def to(self, given: str) -> Resolver:
        """Return a resolver, by what is written for it."""
        known = way(given)
        ask: Ask = partial({"https": self._over_https, "tls": self._over_tls, "udp": _plain}[known.kind], known)
        return Resolver(given, ask)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    @property
    def _context(self) -> ssl.SSLContext:
        # it takes some 20 ms: only who needs it pays for it
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    async def _over_tls(self, known: Way, query: dns.message.Message) -> dns.message.Message:
        async with asyncio.timeout(WITHIN):
            return await _over_stream(known, query, self._context)

    async def _over_https(self, known: Way, query: dns.message.Message) -> dns.message.Message:
        if self._client is None:
            self._client = httpx.AsyncClient(http2=True, verify=self._context, timeout=WITHIN, follow_redirects=False)
        # so that caches on the way may answer (RFC 8484, 4.1)
        query.id = 0
        headers = {"content-type": DNS_MESSAGE, "accept": DNS_MESSAGE}
        async with self._client.stream("POST", known.place, content=query.to_wire(), headers=headers) as response:
            if response.status_code != httpx.codes.OK or response.headers.get("content-type") != DNS_MESSAGE:
                raise ValueError("no DNS message")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LONGEST:
                    raise ValueError("more than a DNS message can be")
        return _read(query, bytes(body))


async def _plain(known: Way, query: dns.message.Message) -> dns.message.Message:
    host, port = host_and_port(known.place)
    async with asyncio.timeout(WITHIN):
        answer = await octets.over_udp(query.to_wire(), host, port, partial(_answer, query))
        return await _over_stream(known, query) if answer.flags & dns.flags.TC else answer


async def _over_stream(
    known: Way, query: dns.message.Message, tls: ssl.SSLContext | None = None
) -> dns.message.Message:
    host, port = host_and_port(known.place)
    stream = await connected(host, port, tls, (known.name or host) if tls else None)
    try:
        stream.send(query.to_wire())
        return _read(query, await stream.receive())
    finally:
        # at once: TLS would wait for the other side's farewell
        stream.close()


def _answer(query: dns.message.Message, wire: bytes) -> dns.message.Message | None:
    """Read a datagram; what a forger may have sent is passed over."""
    try:
        return _read(query, wire)
    except Exception:  # noqa: BLE001  # whatever the parser stumbles over was no answer
        return None


def _read(query: dns.message.Message, wire: bytes) -> dns.message.Message:
    """Read an answer. Raises whatever it likes where it is none to that question, or more than is read."""
    if not is_modest(wire):
        raise ValueError("more than is read")
    answer = dns.message.from_wire(wire)
    if not query.is_response(answer):
        raise ValueError("no answer to the question")
    return answer
