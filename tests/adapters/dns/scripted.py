"""Name servers on loopback that say what a test tells them to, over UDP and TCP, and remember what they were asked."""

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

Said = dns.message.Message | bytes | None
"""A message, octets as they stand, or nothing at all."""
Script = Callable[[dns.message.Message, bool], Said]
"""Says what to answer to a question that came over TCP or not."""
Records = Mapping[tuple[str, str], Sequence[str]]
"""Name and type to the records' texts."""

ACCEPTING = 8
"""Turns of the loop, from when a connection is accepted to when it is talked on: one in between would stay open."""
SOA = "ns1.example.test. hostmaster.example.test. {serial} 3600 600 86400 60"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it came."""

    name: str
    kind: str
    tcp: bool
    recursion: bool
    edns: int
    payload: int
    id: int
    source: int


@dataclass(slots=True)
class Server:
    """One address and port."""

    address: str
    port: int
    script: Script
    asked: list[Asked] = field(default_factory=list)
    answers: int | None = None
    """Given on a TCP connection before it is closed; None: as many as are asked for."""
    faults: list[Exception] = field(default_factory=list)
    """Of the script: a test with a wrong script must not pass."""
    beforehand: Callable[[bytes, tuple[str, int]], Sequence[bytes]] | None = None
    """Says what goes out before the answer to a datagram, from this very address, and hears who sent it."""

    def questions(self, kind: str) -> list[str]:
        """Return the names that were asked for with this type."""
        return [one.name for one in self.asked if one.kind == kind]

    def reply(self, wire: bytes, source: int, *, tcp: bool) -> bytes | None:
        """Note the question and answer it by the script."""
        try:
            return self._reply(dns.message.from_wire(wire), source, tcp=tcp)
        except Exception as fault:  # noqa: BLE001  # whatever it is, the test must hear of it
            self.faults.append(fault)
            return None

    def _reply(self, query: dns.message.Message, source: int, *, tcp: bool) -> bytes | None:
        asked = query.question[0]
        self.asked.append(
            Asked(
                asked.name.to_text(omit_final_dot=True),
                dns.rdatatype.to_text(asked.rdtype),
                tcp,
                bool(query.flags & dns.flags.RD),
                query.edns,
                query.payload,
                query.id,
                source,
            )
        )
        said = self.script(query, tcp)
        return said.to_wire(max_size=65535) if isinstance(said, dns.message.Message) else said


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        said = list(self._server.beforehand(data, addr)) if self._server.beforehand else []
        reply = self._server.reply(data, addr[1], tcp=False)
        for each in [*said, *([] if reply is None else [reply])]:
            if self._transport is not None:
                self._transport.sendto(each, addr)


@asynccontextmanager
async def serving(scripts: Mapping[str, Script], port: int = 0) -> AsyncIterator[dict[str, Server]]:
    """Serve each address by its script, all on one port, for as long as the block lasts."""
    async with AsyncExitStack() as closing:
        for _ in range(50):
            chosen = port or _free_port(next(iter(scripts)))
            try:
                servers = {one: await _serve(closing, one, chosen, script) for one, script in scripts.items()}
            except OSError as fault:
                if fault.errno == errno.EADDRNOTAVAIL:
                    pytest.skip(f"not all of {', '.join(scripts)} are on this machine: {fault}")
                if fault.errno != errno.EADDRINUSE or port:
                    raise
                await closing.aclose()
                continue
            yield servers
            for server in servers.values():
                assert server.faults == []
            return
    raise AssertionError("no port is free at all of these addresses")


async def _serve(closing: AsyncExitStack, address: str, port: int, script: Script) -> Server:
    server = Server(address, port, script)
    talks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = cast("asyncio.Task[None]", asyncio.current_task())
        talks.add(talk)
        talk.add_done_callback(talks.discard)
        try:
            answered = 0
            while server.answers is None or answered < server.answers:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                wire = await reader.readexactly(length)
                reply = server.reply(wire, writer.get_extra_info("peername")[1], tcp=True)
                answered += 1
                if reply is not None:
                    writer.write(struct.pack("!H", len(reply)) + reply)
                    await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    stream = await asyncio.start_server(converse, address, port)
    closing.push_async_callback(_stopped, stream, talks)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(server), local_addr=(address, port)
    )
    closing.callback(transport.close)
    return server


async def _stopped(stream: asyncio.Server, talks: set[asyncio.Task[None]]) -> None:
    stream.close()
    for _ in range(ACCEPTING):
        await asyncio.sleep(0)
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


# Scripts


def authoritative(records: Records, origin: str = "example.test", serial: int = 1) -> Script:
    """Answer like a server that holds the zone: aliases, delegations with glue, SOA with what is not there."""
    apex = dns.name.from_text(origin)
    held = {(dns.name.from_text(name), kind): texts for (name, kind), texts in records.items()}
    soa = dns.rrset.from_text(apex, 60, "IN", "SOA", SOA.format(serial=serial))

    def script(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        cut = next(
            (one for one, held_kind in held if held_kind == "NS" and one != apex and name.is_subdomain(one)), None
        )
        if not name.is_subdomain(apex):
            answer.set_rcode(dns.rcode.REFUSED)
            return answer
        if cut is not None:
            _refer(answer, cut, held)
            return answer
        answer.flags |= dns.flags.AA
        if (name, kind) == (apex, "SOA"):
            answer.answer.append(soa)
        elif (name, kind) in held:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *held[name, kind]))
        elif (name, "CNAME") in held:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", *held[name, "CNAME"]))
        else:
            answer.authority.append(soa)
            if name != apex and not any(one.is_subdomain(name) for one, _ in held):
                answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer

    return script


def _refer(
    answer: dns.message.Message, cut: dns.name.Name, held: Mapping[tuple[dns.name.Name, str], Sequence[str]]
) -> None:
    answer.authority.append(dns.rrset.from_text(cut, 60, "IN", "NS", *held[cut, "NS"]))
    for target in held[cut, "NS"]:
        for kind in ("A", "AAAA"):
            glue = held.get((dns.name.from_text(target), kind))
            if glue:
                answer.additional.append(dns.rrset.from_text(target, 60, "IN", kind, *glue))


def resolving(records: Records) -> Script:
    """Answer like a recursive resolver that knows these records."""
    held = {(dns.name.from_text(name), kind): texts for (name, kind), texts in records.items()}

    def script(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        if (name, kind) in held:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *held[name, kind]))
        elif not any(one.is_subdomain(name) for one, _ in held):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer

    return script


def silent(query: dns.message.Message, tcp: bool) -> Said:
    """Say nothing at all."""
    return None


def saying(rcode: dns.rcode.Rcode) -> Script:
    """Answer with this code and nothing else."""

    def script(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        answer.set_rcode(rcode)
        return answer

    return script


def without_aa(inner: Script) -> Script:
    """Answer the same, but as one that does not hold the zone."""

    def script(query: dns.message.Message, tcp: bool) -> Said:
        answer = inner(query, tcp)
        assert isinstance(answer, dns.message.Message)
        answer.flags &= ~dns.flags.AA
        return answer

    return script


def over(*, udp: Script, tcp: Script) -> Script:
    """Answer by one script over UDP and by another over TCP."""
    return lambda query, over_tcp: (tcp if over_tcp else udp)(query, over_tcp)


def for_kind(kind: str, special: Script, otherwise: Script) -> Script:
    """Answer questions of one type by a script of its own."""
    wanted = dns.rdatatype.from_text(kind)
    return lambda query, tcp: (special if query.question[0].rdtype == wanted else otherwise)(query, tcp)
