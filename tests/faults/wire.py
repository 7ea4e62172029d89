"""A wire on loopback between workers and a server: it can be cut, and can lose or keep back what is said."""

import asyncio
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.waiting import wait_until

CHUNK = 1 << 16
READY_WITHIN = 10.0
"""Seconds."""
KNOWN_WITHIN = 20.0
"""Seconds: as long as workers may take to be back after the server's restart, and more."""
SCRIPT = b"EVALSHA"
"""What a request that changes the store has in it."""


@dataclass(eq=False, slots=True)
class _Call:
    """One connection: from a client, and on to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    deaf: bool = False
    """True: the server's reply is lost, and the connection with it."""

    def cut(self) -> None:
        for end in (self.client, self.server):
            end.transport.abort()


class Wire:
    """Pass on what goes to a port of 127.0.0.1, for as long as the `with` block lasts, on a thread of its own."""

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self.lost = 0
        """Replies that the server gave and no client got."""
        self._to_port = to_port
        self._calls: set[_Call] = set()
        self._to_lose = 0
        self._marks: tuple[bytes, ...] = ()
        self._held: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._ready: Future[int] = Future()
        self._stopping = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._ready.result(READY_WITHIN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(READY_WITHIN)
        self._loop.close()

    def cut(self) -> int:
        """Reset every connection; return how many there were."""
        done: Future[int] = Future()
        self._loop.call_soon_threadsafe(lambda: done.set_result(self._cut()))
        return done.result(READY_WITHIN)

    def lose_replies(self, count: int) -> None:
        """Have the next so many scripts run on the server, and their replies lost together with the connection."""
        self._loop.call_soon_threadsafe(self._lose, count)

    def hold(self, *marks: bytes) -> None:
        """Keep back the next script that has all of these in its request: the server does not hear of it."""
        self._loop.call_soon_threadsafe(setattr, self, "_marks", marks)

    @property
    def holds(self) -> bool:
        """Say whether something is kept back."""
        return bool(self._held)

    def deliver(self) -> bytes:
        """Tell the server now what was kept back, whoever has gone meanwhile; return its reply.

        A server that was started anew knows no script until somebody tells it: that is waited for.
        """
        said = self._held.pop()
        return wait_until(lambda: self._reply(said), "somebody to tell the server the script", KNOWN_WITHIN)

    def _reply(self, said: bytes) -> bytes:
        """Return the server's reply; nothing where it does not know the script, and has done nothing."""
        with socket.create_connection(("127.0.0.1", self._to_port), READY_WITHIN) as late:
            late.sendall(said)
            reply = late.recv(CHUNK)
        return b"" if reply.startswith(b"-NOSCRIPT") else reply

    def _lose(self, count: int) -> None:
        self._to_lose += count

    def _cut(self) -> int:
        calls = tuple(self._calls)
        for call in calls:
            call.cut()
        return len(calls)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._ready.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        server.close()
        self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, onward = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            # the server is away: so is whoever speaks for it
            writer.transport.abort()
            return
        call = _Call(writer, onward)
        self._calls.add(call)
        try:
            await asyncio.gather(self._asking(call, reader), self._answering(call, answers))
        except asyncio.CancelledError:
            # the end of the wire; asyncio 3.11 reports it as an error of the stream's where it gets out
            pass
        finally:
            self._calls.discard(call)
            call.cut()

    async def _asking(self, call: _Call, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self._marks and all(mark in chunk for mark in (SCRIPT, *self._marks)):
                    self._marks = ()
                    self._held.append(chunk)
                    continue
                if self._to_lose and SCRIPT in chunk:
                    self._to_lose -= 1
                    call.deaf = True
                call.server.write(chunk)
                await call.server.drain()
        call.cut()

    async def _answering(self, call: _Call, answers: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while chunk := await answers.read(CHUNK):
                if call.deaf:
                    self.lost += 1
                    break
                call.client.write(chunk)
                await call.client.drain()
        call.cut()
