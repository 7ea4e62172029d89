"""Uvicorn on a thread and a loopback port of its own: it says when it listens, stops at once, and cuts connections."""

import asyncio
import socket
import struct
import threading

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

READY_WITHIN = 10.0
"""Seconds."""


class LoopbackServer(uvicorn.Server):
    """Serve an application from `start` to `stop`, once."""

    def __init__(self, app: ASGIApp) -> None:
        # its log is left alone; the Date header is the application's own, since its clock may be another
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                date_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._ready = threading.Event()
        self._stopping = asyncio.Event()

    def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1, and return the URL."""
        listener = socket.create_server(("127.0.0.1", port))
        # an answer is two writes: without this, the second waits 40 ms for the first one's acknowledgement (RFC 896)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._thread = threading.Thread(target=asyncio.run, args=(self._served(listener),), name=address, daemon=True)
        self._thread.start()
        listening = False
        try:
            listening = self._ready.wait(READY_WITHIN)
        finally:
            if not listening:
                self.stop()
        if not listening:
            raise RuntimeError(f"the server at {address} does not start")
        return address

    def stop(self) -> None:
        """End it; what it has not answered by then ends without an answer."""
        self.should_exit = True
        if self._ready.is_set():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(READY_WITHIN)

    async def _served(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        await self.serve([listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self._ready.set()

    async def pause(self, request: Request, seconds: float | None) -> None:
        """Wait; no longer than the caller or the server is there."""
        waits = {asyncio.ensure_future(_gone(request)), asyncio.ensure_future(self._stopping.wait())}
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        if self._stopping.is_set():
            self.reset(request)

    def reset(self, request: Request) -> None:
        """Cut the request's connection with a TCP reset."""
        for connection in self.server_state.connections:
            if isinstance(connection, H11Protocol) and connection.client == request.scope["client"]:
                # a linger of no seconds makes the close a reset
                linger = struct.pack("ii", 1, 0)
                connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.transport.abort()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
