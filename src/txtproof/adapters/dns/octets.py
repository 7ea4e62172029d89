"""A datagram to one address and back, by a socket of its own."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
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
        ours.connect((address, port))
        ours.send(asked)
        said: asyncio.Future[T] = loop.create_future()
        # by its number: asyncio writes a socket out, addresses and all, before it finds that it does not know it yet
        number = ours.fileno()
        # one at a time: a flood of what is no answer must not keep the loop from its other work
        loop.add_reader(number, partial(_readable, ours, read, said))
        try:
            return await said
        finally:
            loop.remove_reader(number)


def _readable(ours: socket.socket, read: Callable[[bytes], T | None], said: asyncio.Future[T]) -> None:
    try:
        answer = read(ours.recv(LARGEST))
    except BlockingIOError:
        return
    except Exception as fault:  # noqa: BLE001  # it is raised where the answer is waited for
        if not said.done():
            said.set_exception(fault)
        return
    if answer is not None and not said.done():
        said.set_result(answer)
