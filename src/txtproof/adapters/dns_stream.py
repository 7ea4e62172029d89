"""A TCP connection to a name server: messages in octets, each after its length (RFC 1035, 4.2.2).

dnspython's own has a task and a timer for each read. What a message means is the caller's to judge.
"""

import asyncio
import socket
import ssl
import struct
from collections import deque
from typing import cast

_QUICKLY: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux alone has it."""
_LENGTH = struct.Struct("!H")
MOST_UNREAD = 8
"""Messages that may come before somebody reads them, unless more are asked for; whoever sends more is hung up on."""
LONGEST = 65_535
"""Octets of one message."""


class Stream(asyncio.Protocol):
    """One connection; see `connected`. Whoever has it must close it."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._messages: deque[bytes] = deque()
        self._ended: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None
        self.most_unread = MOST_UNREAD

    @property
    def is_idle(self) -> bool:
        """Say whether it is still open, and nothing has come that nobody has read."""
        return self._ended is None and not self._octets and not self._messages

    def send(self, *messages: bytes) -> None:
        """Send messages in one go (RFC 7766, 8); none may have more than `LONGEST` octets."""
        self._transport.write(b"".join(part for one in messages for part in (_LENGTH.pack(len(one)), one)))

    async def receive(self) -> bytes:
        """Wait for the next message. Raises OSError, or EOFError where the other side has hung up."""
        while not self._messages:
            if self._ended is not None:
                raise self._ended
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._messages.popleft()

    def close(self) -> None:
        """Hang up, at once."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what sends; asyncio calls this, and what follows."""
        self._transport = cast("asyncio.Transport", transport)
        self._socket = transport.get_extra_info("socket")

    def data_received(self, data: bytes) -> None:
        """Cut what has come into messages."""
        self._octets += data
        at = 0
        while len(self._octets) >= at + _LENGTH.size:
            start = at + _LENGTH.size
            end = start + _LENGTH.unpack_from(self._octets, at)[0]
            if len(self._octets) < end:
                break
            self._messages.append(bytes(self._octets[start:end]))
            at = end
        # once for all of them: a flock of answers comes in one piece
        del self._octets[:at]
        if len(self._messages) > self.most_unread:
            self.close()
        elif _QUICKLY is not None:
            # BIND, Knot and PowerDNS send no second answer before the first is acknowledged (Nagle, RFC 896), which the
            # system puts off for 40 ms on a connection that has lasted for a while; it has to be told each time
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKLY, 1)
        self._wake()

    def eof_received(self) -> None:
        """Take the end for the end: nothing more will be answered."""
        self._ended = self._ended or EOFError("the other side has hung up")
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._ended = self._ended or exc or EOFError("the connection is closed")
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


async def connected(address: str, port: int, tls: ssl.SSLContext | None = None, name: str | None = None) -> Stream:
    """Connect; `name`: that the certificate must have, where there is TLS. Raises OSError."""
    loop = asyncio.get_running_loop()
    _, stream = await loop.create_connection(Stream, address, port, ssl=tls, server_hostname=name)
    return stream
