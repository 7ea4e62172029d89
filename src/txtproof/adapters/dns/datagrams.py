"""Many questions over few UDP sockets: an answer counts only from where its question went, where that left, by its id.

A forger has to guess the socket's port and the question's id, both random (RFC 5452, 9.2). The sockets are not
connected, so that a closed port is no more than silence here.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from enum import Enum
from itertools import takewhile
from typing import Generic, TypeVar

from txtproof.adapters.dns.sockets import Sockets, Way

T = TypeVar("T")

AT_ONCE = 64
"""Datagrams read before the loop's other work has its turn."""
LARGEST = 65_535


class Silence(Enum):
    """Why there is nothing to read."""

    LATE = "late"
    """It has not come yet; it may, and can be waited for once more."""
    OVER = "over"
    """It did not come in time, or could not be asked for."""
    CUT = "cut"
    """It came, but cut short: the rest is to be had over TCP."""


Read = Callable[[bytes], T | Silence | None]
"""Says what a datagram means; None: it is no answer."""
_Key = tuple[Way, str, int, bytes]


class Waiting(Generic[T]):
    """A question under way. `said` is to be waited for; after `LATE`, once more."""

    __slots__ = ("due", "key", "read", "said")

    def __init__(self, read: "Read[T]", said: "asyncio.Future[T | Silence]") -> None:
        self.read = read
        self.said = said
        self.key: _Key | None = None
        self.due = 0.0


class Datagrams(Generic[T]):
    """Put questions, all on one loop."""

    def __init__(self, late_after: float, within: float) -> None:
        """Take the seconds after which an answer is called late, and within which it must come."""
        self._late_after = late_after
        self._rest = within - late_after
        self._sockets = Sockets(self._readable)
        # each in the order in which they fall due, since all in it wait equally long: one timer does for all
        self._fresh: dict[_Key, Waiting[T]] = {}
        self._late: dict[_Key, Waiting[T]] = {}
        self._alarm: asyncio.TimerHandle | None = None

    def put(self, question: bytes, address: str, port: int, read: Read[T]) -> Waiting[T]:
        """Send a question, given as it follows its id."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        waiting: Waiting[T] = Waiting(read, loop.create_future())
        try:
            key = self._sent(question, address, port, now)
        except OSError:
            waiting.said.set_result(Silence.OVER)
            return waiting
        waiting.key, waiting.due = key, now + self._late_after
        self._fresh[key] = waiting
        if self._alarm is None:
            self._alarm = loop.call_at(waiting.due, self._ring)
        return waiting

    def close(self) -> None:
        """Close the sockets; who still waits is told that it is over."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        for waiting in [*self._fresh.values(), *self._late.values()]:
            self._end(waiting, Silence.OVER)
        self._sockets.close()

    def _sent(self, question: bytes, address: str, port: int, now: float) -> _Key:
        family = socket.AF_INET
        if ":" in address:
            family = socket.AF_INET6
            # as the system will write it when the answer comes
            address = socket.inet_ntop(family, socket.inet_pton(family, address))
        way = self._sockets.way(family, now)
        key = (way, address, port, os.urandom(2))
        while key in self._fresh or key in self._late:
            key = (way, address, port, os.urandom(2))
        way.socket.sendto(key[3] + question, (address, port))
        way.asked += 1
        way.waiting += 1
        return key

    def _readable(self, way: Way) -> None:
        for _ in range(AT_ONCE):
            try:
                wire, sender = way.socket.recvfrom(LARGEST)
            except OSError:
                return
            key = (way, sender[0], sender[1], wire[:2])
            waiting = self._fresh.get(key) or self._late.get(key)
            said = waiting.read(wire) if waiting is not None else None
            # what nobody asked for, or what does not answer it, is passed over: the true answer may still come
            if waiting is not None and said is not None:
                self._end(waiting, said)

    def _end(self, waiting: Waiting[T], said: T | Silence) -> None:
        assert waiting.key is not None, "it was sent"
        if self._fresh.pop(waiting.key, None) is None:
            del self._late[waiting.key]
        waiting.key[0].waiting -= 1
        if not waiting.said.done():
            waiting.said.set_result(said)

    def _ring(self) -> None:
        """Tell those whose time is up, and set the alarm for the next."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for waiting in _due(self._late, now):
            self._end(waiting, Silence.OVER)
        for waiting in _due(self._fresh, now):
            self._delay(waiting, loop)
        nexts = [next(iter(each.values())).due for each in (self._fresh, self._late) if each]
        self._alarm = loop.call_at(min(nexts), self._ring) if nexts else None

    def _delay(self, waiting: Waiting[T], loop: asyncio.AbstractEventLoop) -> None:
        if waiting.said.done():
            # nobody waits any more
            self._end(waiting, Silence.OVER)
            return
        assert waiting.key is not None, "it was sent"
        self._late[waiting.key] = self._fresh.pop(waiting.key)
        waiting.due += self._rest
        told, waiting.said = waiting.said, loop.create_future()
        told.set_result(Silence.LATE)


def _due(waiting: dict[_Key, Waiting[T]], now: float) -> list[Waiting[T]]:
    return list(takewhile(lambda one: one.due <= now, waiting.values()))
