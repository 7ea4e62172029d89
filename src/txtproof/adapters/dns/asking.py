"""What a name server is asked in a look: for the record over UDP, or for the record and the SOA over TCP."""

import asyncio
import struct
import time
from collections.abc import Iterable
from functools import partial

import dns.message
import dns.name
import dns.rdatatype

from txtproof.adapters.dns import reading, short_path
from txtproof.adapters.dns.datagrams import Datagrams, Silence, Waiting
from txtproof.adapters.dns.exchange import NO_EDNS, UDP_WITHIN, Exchange, Reply
from txtproof.adapters.dns.question import is_answer, is_cut, question, section, with_nsid
from txtproof.adapters.dns.short_path import Plain
from txtproof.adapters.dns.stagger import HEAD_START
from txtproof.adapters.dns.verdict import Answer
from txtproof.adapters.dns.walk import Server
from txtproof.adapters.dns_bounds import COUNTS, is_modest
from txtproof.core.reasons import Reason
from txtproof.core.values import Value, replace

Said = Plain | dns.message.Message

_SOA_IN = struct.pack("!2H", 6, 1)
"""Type and class in a question section."""


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
        self._exchange.close()

    def begin(self, server: Server, name: Iterable[bytes]) -> Begun:
        """Send the question for the record at a name, given as its labels."""
        asked = question(name)
        waiting = self._datagrams.put(asked, server.address, self._port, partial(understood, section(asked)))
        return Begun(server, waiting, time.monotonic())

    def answered(self, server: Server, at: float, said: Plain) -> Answer:
        """Return what a plain answer says to a question that was put then (on the monotonic clock)."""
        return Answer(
            server.name,
            self.shown(server),
            _since(at),
            rcode=said.rcode,
            authoritative=said.authoritative,
            values=said.values,
            serial=said.serial,
            recursive=said.recursive,
        )

    async def finish(self, begun: Begun, name: dns.name.Name) -> Heard:
        """Wait for the answer, however it is to be had."""
        said = await begun.waiting.said
        if said is Silence.LATE:
            said = await begun.waiting.said
        server = begun.server
        if isinstance(said, Plain):
            return Heard(server, None, self.answered(server, begun.at, said))
        reply = replace(await self._reply(server, name, said), took_ms=_since(begun.at))
        return Heard(server, reply.message, reading.answer(server.name, self.shown(server), reply, name))

    async def ask(self, server: Server, name: dns.name.Name, *, tcp: bool = False) -> Heard:
        """Ask for the record."""
        if tcp:
            reply = await self._reply(server, name, Silence.OVER)
            return Heard(server, reply.message, reading.answer(server.name, self.shown(server), reply, name))
        return await self.finish(self.begin(server, name.labels), name)

    async def ask_fully(
        self,
        server: Server,
        name: dns.name.Name,
        target: dns.name.Name | None,
        *,
        who: bool = False,
        within: float | None = None,
    ) -> Answer:
        """Ask for the record and for its SOA, over TCP: nobody off the path can forge that.

        `who`: ask too which of several machines behind the address it is; `within`: seconds, where the usual are not
        to be waited.
        """
        begun = time.monotonic()
        text_question, its_soa = question(name.labels), soa_question(name.labels)
        asked = text_question, with_nsid(its_soa) if who else its_soa
        came = await self._exchange.ask_together(asked, server.address, self._port, within)
        said = [_told(*one) for one in zip((text_question, its_soa), came, strict=True)]
        if said.count(Reason.TIMEOUT) < len(said):
            # not every server takes a second question before the first is answered, nor by the same connection
            kinds = (dns.rdatatype.TXT, dns.rdatatype.SOA)
            said = await asyncio.gather(*(self._again(*one, server, name) for one in zip(said, kinds, strict=True)))
        text, soa = said
        serial = soa.serial if isinstance(soa, Plain) else reading.serial(_message(soa), name)
        if isinstance(text, Plain):
            answer = self.answered(server, begun, text)
        else:
            failure = text if isinstance(text, Reason) else None
            reply = Reply(_message(text), failure, _since(begun))
            answer = reading.answer(server.name, self.shown(server), reply, name, target)
        serial, node = answer.serial if serial is None else serial, reading.node(_message(soa))
        return replace(answer, serial=serial, node=node)

    async def _again(
        self, said: Said | Reason, kind: dns.rdatatype.RdataType, server: Server, name: dns.name.Name
    ) -> Said | Reason:
        """Ask what was not answered beside the other question by a connection of its own."""
        if said not in (Reason.LAME, Reason.TIMEOUT):
            return said
        reply = await self._exchange.ask(name, kind, server.address, self._port, tcp=True)
        return reply.message or reply.failure or Reason.LAME

    async def _reply(self, server: Server, name: dns.name.Name, said: dns.message.Message | Silence) -> Reply:
        """Return the message; where there is none, or one that shuns EDNS, ask again another way."""
        if isinstance(said, Silence):
            return await self._exchange.ask(name, dns.rdatatype.TXT, server.address, self._port, tcp=True)
        if said.rcode() in NO_EDNS:
            return await self._exchange.ask(name, dns.rdatatype.TXT, server.address, self._port, edns=False)
        return Reply(said)

    def shown(self, server: Server) -> str:
        """Return a server's address as it is in the evidence."""
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


def soa_question(name: Iterable[bytes]) -> bytes:
    """Return the question for the SOA at a name, as `question` does for its TXT."""
    asked = question(name)
    start, end = COUNTS.size, COUNTS.size + len(section(asked))
    return asked[:start] + asked[start : end - len(_SOA_IN)] + _SOA_IN + asked[end:]


def _told(asked: bytes, came: bytes | Reason) -> Said | Reason:
    """Return what an answer over TCP says; `lame` where it must be asked for another way."""
    if isinstance(came, Reason):
        return came
    said = understood(section(asked), came)
    if said is None or isinstance(said, Silence):
        return Reason.LAME
    shuns_edns = isinstance(said, dns.message.Message) and said.rcode() in NO_EDNS
    return Reason.LAME if shuns_edns else said


def _message(said: Said | Reason) -> dns.message.Message | None:
    return said if isinstance(said, dns.message.Message) else None


def _since(at: float) -> int:
    return round((time.monotonic() - at) * 1000)
