"""A datagram to one address and back, by a socket of its own."""

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LARGEST = 65_535


async def over_udp(asked: bytes, address: str, port: int, read: Callable[[bytes], T | None]) -> T:
    """Send a datagram; return the first thing that `read` makes of one that comes. An OSError where that cannot be."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as ours:
        ours.setblocking(False)
        # connected, so that the system drops what others send, and tells of a closed port at once
        await loop.sock_connect(ours, (address, port))
        await loop.sock_sendall(ours, asked)
        while True:
            said = read(await loop.sock_recv(ours, LARGEST))
            if said is not None:
                return said
            # what has come already is handed over at once: a flood of it must not keep the loop from its other work
            await asyncio.sleep(0)
