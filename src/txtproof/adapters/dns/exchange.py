"""One question to one address: UDP, TCP where UDP does not do, and every way to fail as a value."""

import asyncio
import errno
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from txtproof.adapters.dns import octets
from txtproof.adapters.dns.datagrams import Silence
from txtproof.adapters.dns.ids import ids
from txtproof.adapters.dns.lines import Asked, Lines
from txtproof.adapters.dns.question import PAYLOAD, is_cut
from txtproof.adapters.dns_bounds import HEADER, is_modest
from txtproof.adapters.dns_stream import connected
from txtproof.core.reasons import Reason
from txtproof.core.values import Value

T = TypeVar("T")

UDP_WITHIN = 1.5
TCP_WITHIN = 2.5
"""Seconds for one try."""
MOST_OPEN = 256
"""Exchanges under way at once that need a socket of their own: many looks together must not run out of them."""

NO_EDNS = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})
"""Answers of a server that may answer without EDNS."""
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors of this machine, which say nothing about the server."""


class Reply(Value, frozen=True):
    """What came back: a message, or the reason why none did."""

    message: dns.message.Message | None
    failure: Reason | None = None
    """`timeout`: silence, or nobody there. `lame`: no answer to the question. `cannot_see`: it was never sent."""
    took_ms: int = 0


class Replies(Value, frozen=True):
    """What came back over TCP to some questions, in their order."""

    messages: Sequence[bytes | Reason]
    """Each bears its question's id; the rest is the caller's to judge. `lame`: the connection ended before, or brought
    something else; `timeout` and `cannot_see` as in a `Reply`."""
    took_ms: int | None
    """Until the last of them; None where not all came."""


class Exchange:
    """Ask questions. `close` ends the connections that are kept."""

    def __init__(self, udp_within: float = UDP_WITHIN, tcp_within: float = TCP_WITHIN) -> None:
        self._udp_within = udp_within
        self._tcp_within = tcp_within
        self._places = asyncio.Semaphore(MOST_OPEN)
        self._lines = Lines(self._places)
        self._ids = ids()

    def close(self) -> None:
        """Hang up on all servers."""
        self._lines.close()

    async def ask(
        self,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        address: str,
        port: int,
        *,
        recurse: bool = False,
        tcp: bool = False,
        edns: bool = True,
    ) -> Reply:
        """Ask once: over UDP, then over TCP on truncation or silence; or over TCP alone.

        The library draws the id and the system the source port at random, and what does not echo id and question is
        not taken for an answer (RFC 5452, 9.1, 9.2).
        """
        flags = dns.flags.RD if recurse else 0
        async with self._places:
            begun = time.monotonic()
            query = dns.message.make_query(name, kind, flags=flags, use_edns=0 if edns else False, payload=PAYLOAD)
            answer = await self._sent(query, address, port, tcp=tcp)
            if edns and isinstance(answer, dns.message.Message) and answer.rcode() in NO_EDNS:
                # a server from before EDNS, or of another version of it: once more without (RFC 6891, 7)
                plain = dns.message.make_query(name, kind, flags=flags, use_edns=False)
                answer = await self._sent(plain, address, port, tcp=tcp)
            took = round((time.monotonic() - begun) * 1000)
        return Reply(None, answer, took) if isinstance(answer, Reason) else Reply(answer, None, took)

    async def put(
        self, asked: bytes, address: str, port: int, read: Callable[[bytes], T | None], within: float
    ) -> T | None:
        """Send a question, given as it follows its id, by a datagram from its own port; None where nothing comes."""
        drawn = next(self._ids)
        try:
            async with self._places, asyncio.timeout(within):
                return await octets.over_udp(
                    drawn + asked, address, port, lambda wire: read(wire) if wire[:2] == drawn else None
                )
        except (TimeoutError, OSError):
            return None

    async def ask_together(
        self, questions: Sequence[bytes], addresses: Iterable[str], port: int, within: float | None = None
    ) -> list[Replies]:
        """Put the same questions, each given as it follows its id, to all addresses at once over TCP.

        At an address they go out together, by a connection that others may ask by as well, and may be answered in any
        order (RFC 7766, 6.2.1.1); where that does not do, they have one of their own.
        """
        puts = [self._lines.put(questions, address, port) for address in addresses]
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._tcp_within if within is None else within):
                    for asked in puts:
                        await asked.over
        finally:
            for asked in puts:
                asked.settle()
        return [_replies(asked) for asked in puts]

    async def _sent(
        self, query: dns.message.Message, address: str, port: int, *, tcp: bool
    ) -> dns.message.Message | Reason:
        if not tcp:
            message = await self._over_udp(query, address, port)
            if message is not None:
                return message
        return await self._over_tcp(query, address, port)

    async def _over_udp(self, query: dns.message.Message, address: str, port: int) -> dns.message.Message | None:
        """Return the answer; None where TCP must do, for whatever reason."""
        try:
            async with asyncio.timeout(self._udp_within):
                # what is no answer is passed over: a forger must not be able to end the wait with garbage
                said: dns.message.Message | Silence
                said = await octets.over_udp(query.to_wire(), address, port, partial(_said, query))
        except OSError:
            return None
        return None if isinstance(said, Silence) else said

    async def _over_tcp(self, query: dns.message.Message, address: str, port: int) -> dns.message.Message | Reason:
        try:
            # one limit for all of it: a server that drips octets gets no more
            async with asyncio.timeout(self._tcp_within):
                stream = await connected(address, port)
                try:
                    stream.send(query.to_wire())
                    wire = await stream.receive()
                finally:
                    stream.close()
        except TimeoutError:
            return Reason.TIMEOUT
        except OSError as fault:
            return _reason(fault)
        except EOFError:
            return Reason.TIMEOUT
        message = _answer(query, wire)
        # cut short where nothing need be: what is missing cannot be known
        return Reason.LAME if message is None or message.flags & dns.flags.TC else message


def _replies(asked: Asked) -> Replies:
    failure = asked.failure
    if isinstance(failure, OSError):
        failure = _reason(failure)
    came = [asked.answers.get(place, failure) for place in range(len(asked.questions))]
    return Replies(came, None if asked.took is None else round(asked.took * 1000))


def _reason(fault: OSError) -> Reason:
    return Reason.CANNOT_SEE if fault.errno in _OURS else Reason.TIMEOUT


def _said(query: dns.message.Message, wire: bytes) -> dns.message.Message | Silence | None:
    if wire[:2] == _id(query) and len(wire) >= HEADER and is_cut(wire):
        return Silence.CUT
    return _answer(query, wire)


def _answer(query: dns.message.Message, wire: bytes) -> dns.message.Message | None:
    """Read an answer; None where it is none to that question, or more than is read."""
    if wire[:2] != _id(query) or not is_modest(wire):
        return None
    try:
        message = dns.message.from_wire(wire)
    except Exception:  # noqa: BLE001  # strangers feed the parser: whatever it stumbles over was no answer
        return None
    return message if query.is_response(message) else None


def _id(query: dns.message.Message) -> bytes:
    return query.id.to_bytes(2, "big")
