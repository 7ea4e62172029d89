"""Somebody between a publisher and its name server, who does to messages what networks do."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import dns.message
import dns.opcode
import dns.rcode
import dns.rrset
import dns.tsig

SILENCE = None
"""What is returned in the place of an answer that never comes."""

Treatment = Callable[[bytes], Awaitable[bytes | None]]


@asynccontextmanager
async def listening(treat: Treatment, answers: int | None = None) -> AsyncIterator[str]:
    """Treat every message that comes over TCP to the address that this yields, `address:port`.

    `answers`: how many are given on a connection before it is closed; None: as many as are asked for.
    """

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        given = 0
        try:
            while answers is None or given < answers:
                answer = await treat(await _received(reader))
                if answer is SILENCE:
                    await reader.read()
                    return
                writer.write(struct.pack("!H", len(answer)) + answer)
                given += 1
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
    finally:
        server.close()


async def forwarded(wire: bytes, server: str) -> bytes:
    """Pass a message on; return the answer."""
    host, _, port = server.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(struct.pack("!H", len(wire)) + wire)
        return await _received(reader)
    finally:
        writer.close()


def is_update(wire: bytes) -> bool:
    """Say whether a message is an update (RFC 2136, 2.2)."""
    return dns.opcode.from_flags(struct.unpack("!H", wire[2:4])[0]) == dns.opcode.UPDATE


def answered(wire: bytes, rcode: dns.rcode.Rcode, key: dns.tsig.Key | None) -> bytes:
    """Answer with a code, signed where there is a key."""
    query = dns.message.from_wire(wire, keyring=key if key is not None else False)
    if key is None:
        query.tsig = None
    response = dns.message.make_response(query)
    response.set_rcode(rcode)
    return response.to_wire()


def tsig_refused(wire: bytes, error: int) -> bytes:
    """Answer NOTAUTH with an error in the TSIG record (RFC 8945, 5.2)."""
    query = dns.message.from_wire(wire, keyring=False)
    assert query.tsig is not None
    refusal = query.tsig[0].replace(mac=b"", error=error)
    record = dns.message.Message(query.id)
    record.additional.append(dns.rrset.from_rdata(query.tsig.name, 0, refusal))
    head = bytearray(answered(wire, dns.rcode.NOTAUTH, None))
    head[10:12] = struct.pack("!H", 1)
    return bytes(head) + record.to_wire()[12:]


async def _received(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack("!H", await reader.readexactly(2))
    return await reader.readexactly(length)
