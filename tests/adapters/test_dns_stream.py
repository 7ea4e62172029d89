"""A TCP connection to a name server, against peers that behave and peers that do not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from txtproof.adapters.dns_stream import MOST_UNREAD, Stream, connected

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def speaking_to(peer: Peer) -> AsyncIterator[Stream]:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        stream = await connected(*server.sockets[0].getsockname())
        try:
            yield stream
        finally:
            stream.close()


async def test_messages_come_as_they_were_sent_however_they_are_cut() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octet := await reader.read(1):
            writer.write(octet)

    sent = [b"", b"one", b"x" * 65_535]
    async with speaking_to(echo) as stream:
        stream.send(*sent)
        assert [await stream.receive() for _ in sent] == sent
        assert stream.is_idle


@pytest.mark.parametrize("octets", [b"", b"\0", b"\0\3ab"])
async def test_an_end_before_the_message_is_an_error_for_whoever_waits(octets: bytes) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)

    async with speaking_to(hang_up) as stream:
        with pytest.raises(EOFError):
            await stream.receive()
        assert not stream.is_idle


async def test_what_came_before_the_end_is_still_read() -> None:
    async def speak_and_hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\0\3one\0\3two")

    async with speaking_to(speak_and_hang_up) as stream:
        assert [await stream.receive(), await stream.receive()] == [b"one", b"two"]
        with pytest.raises(EOFError):
            await stream.receive()


async def test_whoever_pours_messages_in_is_hung_up_on() -> None:
    hung_up = asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"\0\1x" * 100)
                await writer.drain()
        finally:
            hung_up.set()

    async with speaking_to(pour) as stream, asyncio.timeout(5):
        await hung_up.wait()
        assert not stream.is_idle
        assert MOST_UNREAD < 100


async def test_a_closed_port_is_an_error_of_the_system() -> None:
    async def nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None: ...

    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        await connected(host, port)
