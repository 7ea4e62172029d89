"""What a name server is asked in a look: for the record over UDP, or for the record and the SOA over TCP."""

import asyncio
from dataclasses import dataclass

import dns.message
import dns.name
import dns.rdatatype

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.exchange import Exchange, Reply
from txtproof.adapters.dns.verdict import Answer
from txtproof.adapters.dns.walk import Server


@dataclass(frozen=True, slots=True)
class Heard:
    """What one server said; `message` None where it said nothing."""

    server: Server
    message: dns.message.Message | None
    answer: Answer


class Asker:
    """Ask name servers, all on one port."""

    def __init__(self, exchange: Exchange, port: int) -> None:
        self._exchange = exchange
        self._port = port

    async def ask(self, server: Server, name: dns.name.Name) -> Heard:
        """Ask for the record."""
        reply = await self._put(server, name, dns.rdatatype.TXT)
        return Heard(server, reply.message, reading.answer(server.name, self._shown(server), reply, name))

    async def ask_fully(self, server: Server, name: dns.name.Name, target: dns.name.Name | None) -> Answer:
        """Ask for the record and for its SOA, over TCP: nobody off the path can forge that."""
        text, soa = await asyncio.gather(
            self._put(server, name, dns.rdatatype.TXT, tcp=True), self._put(server, name, dns.rdatatype.SOA, tcp=True)
        )
        return reading.answer(server.name, self._shown(server), text, name, target, reading.serial(soa.message, name))

    async def _put(
        self, server: Server, name: dns.name.Name, kind: dns.rdatatype.RdataType, *, tcp: bool = False
    ) -> Reply:
        return await self._exchange.ask(name, kind, server.address, self._port, tcp=tcp)

    def _shown(self, server: Server) -> str:
        if self._port == 53:
            return server.address
        return f"[{server.address}]:{self._port}" if ":" in server.address else f"{server.address}:{self._port}"
