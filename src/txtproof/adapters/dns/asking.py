"""What a name server is asked in a look: for the record over UDP, or for the record and the SOA over TCP."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import dns.message
import dns.name
import dns.rdatatype

from txtproof.adapters.dns import reading, short_path
from txtproof.adapters.dns.bounds import is_modest
from txtproof.adapters.dns.datagrams import Datagrams, Silence, Waiting
from txtproof.adapters.dns.exchange import NO_EDNS, UDP_WITHIN, Exchange, Reply
from txtproof.adapters.dns.question import is_answer, is_cut, question, section
from txtproof.adapters.dns.short_path import Plain
from txtproof.adapters.dns.stagger import HEAD_START
from txtproof.adapters.dns.verdict import Answer
from txtproof.adapters.dns.walk import Server
from txtproof.core.values import Value

Said = Plain | dns.message.Message


class Heard(Value, frozen=True):
    """What one server said; `message` None where it said nothing, or no more than what is in the answer."""

    server: Server
    message: dns.message.Message | None
    answer: Answer


class Begun(Value, frozen=True):
    """A question for the record, sent to one server."""

    server: Server
    waiting: Waiting[Said]
    at: float
    """On the monotonic clock."""


class Asker:
    """Ask name servers, all on one port."""

    def __init__(self, exchange: Exchange, port: int) -> None:
        self._exchange = exchange
        self._port = port
        self._datagrams: Datagrams[Said] = Datagrams(HEAD_START, UDP_WITHIN)

    def close(self) -> None:
        """Close the sockets."""
        self._datagrams.close()

    def begin(self, server: Server, name: Iterable[bytes]) -> Begun:
        """Send the question for the record at a name, given as its labels."""
        asked = question(name)
        waiting = self._datagrams.put(asked, server.address, self._port, partial(understood, section(asked)))
        return Begun(server, waiting, time.monotonic())

    def answered(self, begun: Begun, said: Plain) -> Answer:
        """Return what a plain answer says."""
        return Answer(
            begun.server.name,
            self._shown(begun.server),
            _since(begun),
            rcode=said.rcode,
            authoritative=said.authoritative,
            values=said.values,
            serial=said.serial,
        )

    async def finish(self, begun: Begun, name: dns.name.Name) -> Heard:
        """Wait for the answer, however it is to be had."""
        said = await begun.waiting.said
        if said is Silence.LATE:
            said = await begun.waiting.said
        server = begun.server
        if isinstance(said, Plain):
            return Heard(server, None, self.answered(begun, said))
        reply = replace(await self._reply(server, name, said), took_ms=_since(begun))
        return Heard(server, reply.message, reading.answer(server.name, self._shown(server), reply, name))

    async def ask(self, server: Server, name: dns.name.Name, *, tcp: bool = False) -> Heard:
        """Ask for the record."""
        if tcp:
            reply = await self._reply(server, name, Silence.OVER)
            return Heard(server, reply.message, reading.answer(server.name, self._shown(server), reply, name))
        return await self.finish(self.begin(server, name.labels), name)

    async def ask_fully(self, server: Server, name: dns.name.Name, target: dns.name.Name | None) -> Answer:
        """Ask for the record and for its SOA, over TCP: nobody off the path can forge that."""
        text, soa = await asyncio.gather(
            self._exchange.ask(name, dns.rdatatype.TXT, server.address, self._port, tcp=True),
            self._exchange.ask(name, dns.rdatatype.SOA, server.address, self._port, tcp=True),
        )
        return reading.answer(server.name, self._shown(server), text, name, target, reading.serial(soa.message, name))

    async def _reply(self, server: Server, name: dns.name.Name, said: dns.message.Message | Silence) -> Reply:
        """Return the message; where there is none, or one that shuns EDNS, ask again another way."""
        if isinstance(said, Silence):
            return await self._exchange.ask(name, dns.rdatatype.TXT, server.address, self._port, tcp=True)
        if said.rcode() in NO_EDNS:
            return await self._exchange.ask(name, dns.rdatatype.TXT, server.address, self._port, edns=False)
        return Reply(said)

    def _shown(self, server: Server) -> str:
        if self._port == 53:
            return server.address
        return f"[{server.address}]:{self._port}" if ":" in server.address else f"{server.address}:{self._port}"


def understood(asked: bytes, wire: bytes) -> Said | Silence | None:
    """Return what a datagram says to the question section `asked`; None where it is no answer to that."""
    plain = short_path.read(wire, asked)
    if plain is not None:
        return plain
    if not is_answer(wire, asked):
        return None
    if is_cut(wire):
        return Silence.CUT
    if not is_modest(wire):
        return None
    try:
        return dns.message.from_wire(wire)
    except Exception:  # noqa: BLE001  # strangers feed the parser: whatever it stumbles over was no answer
        return None


def _since(begun: Begun) -> int:
    return round((time.monotonic() - begun.at) * 1000)
