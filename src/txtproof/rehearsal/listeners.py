"""Sockets for DNS messages: UDP and TCP on the same port of several addresses, served from one thread."""

import asyncio
import errno
import functools
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import cast

Answer = Callable[[bytes, str, bool], bytes | None]
"""Answers a message that came to an address, over TCP or not; None where it deserves no answer."""

READY_WITHIN = 10.0
"""Seconds."""
IDLE = 10.0
"""Seconds that a TCP connection may be silent."""
TRIES = 50
"""Ports tried until one is free at every address, for UDP and TCP."""

Pair = tuple[str, socket.socket, socket.socket]


class Listeners:
    """Listen at every address, from `open` to `close`."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._thread: threading.Thread | None = None

    def open(self, pairs: Sequence[Pair]) -> None:
        """Serve these sockets, which are closed at the end; return when that has begun."""
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(pairs, ready), name="rehearsal-dns", daemon=True)
        self._thread.start()
        ready.result(READY_WITHIN)

    def close(self) -> None:
        """Stop serving; return when everything is closed."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(READY_WITHIN)

    def _run(self, pairs: Sequence[Pair], ready: "Future[None]") -> None:
        try:
            asyncio.run(self._serve(pairs, ready))
        except Exception as fault:
            if ready.done():
                raise
            ready.set_exception(fault)

    async def _serve(self, pairs: Sequence[Pair], ready: "Future[None]") -> None:
        self._loop = asyncio.get_running_loop()
        async with _listening(pairs, self._answer):
            ready.set_result(None)
            await self._stopping.wait()


def bound(addresses: Sequence[str], port: int) -> tuple[int, list[Pair]]:
    """Return the port, and a stream and a datagram socket for each address; port 0: one that is free everywhere.

    Raises OSError where an address is not on this machine, or the port that was asked for is taken.
    """
    for _ in range(TRIES):
        with ExitStack() as undo:
            try:
                pairs = _bound(addresses, port, undo)
            except OSError as fault:
                if fault.errno != errno.EADDRINUSE or port:
                    raise
                continue
            undo.pop_all()
            return pairs[0][1].getsockname()[1], pairs
    raise OSError(errno.EADDRINUSE, f"no port is free at {', '.join(addresses)}")


def _bound(addresses: Sequence[str], port: int, undo: ExitStack) -> list[Pair]:
    pairs = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        stream = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stream.bind((address, port))
        port = stream.getsockname()[1]
        datagrams = undo.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        datagrams.bind((address, port))
        pairs.append((address, stream, datagrams))
    return pairs


@asynccontextmanager
async def _listening(pairs: Sequence[Pair], answer: Answer) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    protocols, servers = [], []
    for address, stream, datagrams in pairs:
        _, protocol = await loop.create_datagram_endpoint(
            functools.partial(_Datagrams, answer, address), sock=datagrams
        )
        protocols.append(protocol)
        servers.append(await asyncio.start_server(functools.partial(_converse, answer, address), sock=stream))
    try:
        yield
    finally:
        for server in servers:
            server.close()
        # what asyncio has just accepted becomes a conversation first: cancelled before, it would never close its socket
        for _ in range(3):
            await asyncio.sleep(0)
        conversations = asyncio.all_tasks() - {asyncio.current_task()}
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        for protocol in protocols:
            await protocol.aclose()


async def _converse(answer: Answer, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            async with asyncio.timeout(IDLE):
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                wire = await reader.readexactly(length)
            reply = answer(wire, address, True)
            if reply is None:
                return
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
    except (OSError, EOFError):
        return
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer, address: str) -> None:
        self._answer = answer
        self._address = address
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self._closed.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._answer(data, self._address, False)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)

    async def aclose(self) -> None:
        """Close, and wait until it is."""
        if self._transport is not None:
            self._transport.close()
            await self._closed.wait()
