"""The few UDP sockets that all questions leave by, each for a while."""

import asyncio
import socket
from collections.abc import Callable
from typing import Generic, TypeVar

W = TypeVar("W")

MOST_WAITING = 200
"""Questions under way on one socket: their answers fit into its buffer."""
MOST_ASKED = 2_000
LONGEST_OPEN = 60.0
"""Questions and seconds after which another takes its place: the system draws the port of each at random."""
BUFFER = 1 << 20
"""Octets wanted for what has come and is not read yet; the system may give less."""


class Way(Generic[W]):
    """One socket, and how much it is used."""

    __slots__ = ("asked", "sent", "socket", "until")

    def __init__(self, family: socket.AddressFamily, until: float) -> None:
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            self.socket.bind(("", 0))
        except OSError:
            self.socket.close()
            raise
        self.until = until
        self.asked = 0
        self.sent: dict[bytes, W] = {}
        """What left by it and is waited for, by the ids."""


class Sockets(Generic[W]):
    """Open sockets as they are needed, all on one loop; `readable` is called when something has come by one."""

    def __init__(self, readable: Callable[[Way[W]], None]) -> None:
        self._readable = readable
        self._ways: dict[socket.AddressFamily, list[Way[W]]] = {socket.AF_INET: [], socket.AF_INET6: []}

    @property
    def open(self) -> tuple[Way[W], ...]:
        """Return all that are open now."""
        return tuple(way for ways in self._ways.values() for way in ways)

    def way(self, family: socket.AddressFamily, now: float) -> Way[W]:
        """Return a socket with room for a question; an OSError where none can be opened."""
        ways = self._ways[family]
        for way in ways:
            if len(way.sent) < MOST_WAITING and way.asked < MOST_ASKED and way.until > now:
                return way
        for old in [one for one in ways if _is_spent(one, now) and not one.sent]:
            ways.remove(old)
            _shut(old)
        way = Way[W](family, now + LONGEST_OPEN)
        asyncio.get_running_loop().add_reader(way.socket, self._readable, way)
        ways.insert(0, way)
        return way

    def close(self) -> None:
        """Close all."""
        for ways in self._ways.values():
            while ways:
                _shut(ways.pop())


def _is_spent(way: Way[W], now: float) -> bool:
    return way.asked >= MOST_ASKED or way.until <= now


def _shut(way: Way[W]) -> None:
    asyncio.get_running_loop().remove_reader(way.socket)
    way.socket.close()
