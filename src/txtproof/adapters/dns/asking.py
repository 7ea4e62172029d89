"""What a name server is asked in a look: for the record over UDP, or for the record and the SOA over TCP."""

import asyncio
import time
from collections.abc import Sequence

import dns.message
import dns.name
import dns.rdatatype

from txtproof.adapters.dns import reading, short_path
from txtproof.adapters.dns.datagrams import Datagrams, Silence, Waiting
from txtproof.adapters.dns.exchange import NO_EDNS, UDP_WITHIN, Exchange, Reply
from txtproof.adapters.dns.question import SOA_IN, question, section, with_nsid
from txtproof.adapters.dns.short_path import Plain
from txtproof.adapters.dns.stagger import HEAD_START
from txtproof.adapters.dns.verdict import Answer
from txtproof.adapters.dns.walk import Server
from txtproof.core.reasons import Reason
from txtproof.core.values import Value, replace

Said = Plain | dns.message.Message
Both = tuple[Said | Reason, Said | Reason]
"""To the questions for the record and for its SOA."""

_SILENT = (Reason.TIMEOUT, Reason.TIMEOUT)


class Heard(Value, frozen=True):
    """What one server said; `message` None where it said nothing, or no more than what is in the answer."""

    server: Server
    message: dns.message.Message | None
    answer: Answer


class Asker:
    """Ask name servers, all on one port."""

    def __init__(self, exchange: Exchange, port: int) -> None:
        self._exchange = exchange
        self._port = port
        self._datagrams: Datagrams[Said] = Datagrams(understood, HEAD_START, UDP_WITHIN)

    def close(self) -> None:
        """Close the sockets."""
        self._datagrams.close()
        self._exchange.close()

    def begin(self, server: Server, asked: bytes) -> Waiting[Said]:
        """Send a question, made by `question`, to one server."""
        return self._datagrams.put(asked, server.address, self._port)

    def answered(self, server: Server, at: float, said: Plain) -> Answer:
        """Return what a plain answer says to a question that was put then (on the monotonic clock)."""
        return _plain(server.name, self.shown(server), _since(at), said)

    def heard(self, server: Server, begun: Waiting[Said]) -> Heard | None:
        """Return what has come from a server, where it has, and is plain."""
        said = begun.said.result() if begun.said.done() else None
        if not isinstance(said, Plain):
            return None
        return Heard(server, None, self.answered(server, begun.at, said))

    async def finish(self, server: Server, begun: Waiting[Said], name: dns.name.Name) -> Heard:
        """Wait for the answer, however it is to be had."""
        said = await begun.said
        if said is Silence.LATE:
            said = await begun.said
        if isinstance(said, Plain):
            return Heard(server, None, self.answered(server, begun.at, said))
        reply = replace(await self._reply(server, name, said), took_ms=_since(begun.at))
        return Heard(server, reply.message, reading.answer(server.name, self.shown(server), reply, name))

    async def ask(self, server: Server, name: dns.name.Name, *, tcp: bool = False) -> Heard:
        """Ask for the record."""
        if tcp:
            reply = await self._reply(server, name, Silence.OVER)
            return Heard(server, reply.message, reading.answer(server.name, self.shown(server), reply, name))
        return await self.finish(server, self.begin(server, question(name.labels[:-1])), name)

    async def ask_fully(
        self,
        servers: Sequence[Server],
        name: dns.name.Name,
        target: dns.name.Name | None,
        *,
        who: bool = False,
        within: float | None = None,
    ) -> list[Answer]:
        """Ask all at once for the record and for its SOA, over TCP: nobody off the path can forge that.

        `who`: ask too which of several machines behind the address it is; `within`: seconds, where the usual are not
        to be waited.
        """
        begun = time.monotonic()
        labels = name.labels[:-1]
        asked = question(labels), question(labels, SOA_IN)
        sent = (asked[0], with_nsid(asked[1])) if who else asked
        came = await self._exchange.ask_together(sent, [one.address for one in servers], self._port, within)
        said = [_both(asked, one.messages) for one in came]
        if any(_is_wanting(one) for one in said):
            said = await asyncio.gather(*(self._again(*one, name) for one in zip(said, servers, strict=True)))
        took = [_since(begun) if one.took_ms is None else one.took_ms for one in came]
        return [self._full(*one, name, target) for one in zip(servers, said, took, strict=True)]

    async def _again(self, said: Both, server: Server, name: dns.name.Name) -> Both:
        """Ask what was not answered beside the other question by a connection of its own."""

        async def ask(one: Said | Reason, kind: dns.rdatatype.RdataType) -> Said | Reason:
            if not _is_missing(one):
                return one
            reply = await self._exchange.ask(name, kind, server.address, self._port, tcp=True)
            return reply.message or reply.failure or Reason.LAME

        if not _is_wanting(said):
            return said
        text, soa = await asyncio.gather(ask(said[0], dns.rdatatype.TXT), ask(said[1], dns.rdatatype.SOA))
        return text, soa

    def _full(
        self, server: Server, said: Both, took_ms: int, name: dns.name.Name, target: dns.name.Name | None
    ) -> Answer:
        text, soa = said
        serial = soa.serial if isinstance(soa, Plain) else reading.serial(_message(soa), name)
        if isinstance(text, Plain):
            answer = _plain(server.name, self.shown(server), took_ms, text)
        else:
            failure = text if isinstance(text, Reason) else None
            reply = Reply(_message(text), failure, took_ms)
            answer = reading.answer(server.name, self.shown(server), reply, name, target)
        serial, node = answer.serial if serial is None else serial, reading.node(_message(soa))
        return replace(answer, serial=serial, node=node)

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


def understood(sent: bytes, wire: bytes) -> Said | Silence | None:
    """Return what a datagram says to a question, as that follows its id; None where it is no answer to that."""
    asked = section(sent)
    return short_path.read(wire, asked) or reading.at_length(wire, asked)


def _plain(server: str, address: str, took_ms: int, said: Plain) -> Answer:
    return Answer(
        server,
        address,
        took_ms,
        rcode=said.rcode,
        authoritative=said.authoritative,
        values=said.values,
        serial=said.serial,
        recursive=said.recursive,
    )


def _both(asked: tuple[bytes, bytes], came: Sequence[bytes | Reason]) -> Both:
    return _told(asked[0], came[0]), _told(asked[1], came[1])


def _is_wanting(said: Both) -> bool:
    """Say whether to ask again what was not answered beside the other question.

    Not every server takes a second question before the first is answered, nor by the same connection.
    """
    return said != _SILENT and any(map(_is_missing, said))


def _is_missing(said: Said | Reason) -> bool:
    return said in (Reason.LAME, Reason.TIMEOUT)


def _told(asked: bytes, came: bytes | Reason) -> Said | Reason:
    """Return what an answer over TCP says; `lame` where it must be asked for another way."""
    if isinstance(came, Reason):
        return came
    said = understood(asked, came)
    if said is None or isinstance(said, Silence):
        return Reason.LAME
    shuns_edns = isinstance(said, dns.message.Message) and said.rcode() in NO_EDNS
    return Reason.LAME if shuns_edns else said


def _message(said: Said | Reason) -> dns.message.Message | None:
    return said if isinstance(said, dns.message.Message) else None


def _since(at: float) -> int:
    return round((time.monotonic() - at) * 1000)
