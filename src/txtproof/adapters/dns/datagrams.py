"""Many questions over few UDP sockets: an answer counts only from where its question went, where that left, by its id.

A forger has to guess the socket's port and the question's id, both random (RFC 5452, 9.2). The sockets are not
connected, so that a closed port is no more than silence here.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from txtproof.adapters.dns.ids import ids
from txtproof.adapters.dns.octets import LARGEST
from txtproof.adapters.dns.peers import Peer
from txtproof.adapters.dns.sockets import MOST_WAITING, Sockets, Way

T = TypeVar("T")

AT_ONCE = 64
"""Datagrams read before the loop's other work has its turn."""


class Silence(Enum):
    """Why there is nothing to read."""

    LATE = "late"
    """It has not come yet; it may, and can be waited for once more."""
    OVER = "over"
    """It did not come in time, or could not be asked for."""
    CUT = "cut"
    """It came, but cut short: the rest is to be had over TCP."""


Read = Callable[[bytes, bytes], T | Silence | None]
"""Says what a datagram means to a question; None: it is no answer to that."""


class Waiting(Generic[T]):
    """A question, from when it is put. `said` is to be waited for; after `LATE`, once more."""

    __slots__ = ("at", "due", "id", "over", "peer", "question", "said", "sent", "way")

    def __init__(
        self, question: bytes, peer: "Peer[Waiting[T]]", said: "asyncio.Future[T | Silence]", at: float, due: float
    ) -> None:
        self.question = question
        self.peer = peer
        self.said = said
        self.at = at
        """When it was put, on the loop's clock, which is the monotonic one."""
        self.due = due
        self.sent = 0.0
        """When it left."""
        self.way: Way[Waiting[T]] | None = None
        self.id = b""
        """By which its answer is known there, once it is sent."""
        self.over = False
        """All is done that there was to do."""


class Datagrams(Generic[T]):
    """Put questions, all on one loop."""

    def __init__(self, read: Read[T], late_after: float, within: float) -> None:
        """Take the seconds after which an answer is called late, and within which it must come."""
        self._read = read
        self._late_after = late_after
        self._rest = within - late_after
        self._sockets: Sockets[Waiting[T]] = Sockets(self._readable)
        self._peers: dict[tuple[str, int], Peer[Waiting[T]]] = {}
        self._leaving: list[Waiting[T]] = []
        """They count as under way, and leave when all else in this turn of the loop is done."""
        self._ids = ids()
        # each in the order in which they fall due, since all in it wait equally long: one timer does for all; what is
        # over by then is left where it is
        self._fresh: deque[Waiting[T]] = deque()
        self._late: deque[Waiting[T]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    def put(self, question: bytes, address: str, port: int) -> Waiting[T]:
        """Send a question, given as it follows its id, in this turn of the loop or as soon as that may be."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        peer = self._peers.get((address, port))
        if peer is None:
            peer = self._peers[address, port] = Peer(address, port)
        waiting = Waiting(question, peer, loop.create_future(), now, now + self._late_after)
        self._fresh.append(waiting)
        if peer.under_way < peer.room:
            self._let_go(waiting, loop)
        else:
            peer.queue.append(waiting)
        if self._alarm is None:
            self._alarm = loop.call_at(waiting.due, self._ring)
        return waiting

    def close(self) -> None:
        """Close the sockets; who still waits is told that it is over."""
        for peer in self._peers.values():
            peer.queue.clear()
        for waiting in [*self._fresh, *self._late]:
            if not waiting.over:
                self._end(waiting, Silence.OVER)
        self._fresh.clear()
        self._late.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._sockets.close()

    def _let_go(self, waiting: Waiting[T], loop: asyncio.AbstractEventLoop) -> None:
        waiting.peer.under_way += 1
        if not self._leaving:
            # in a row: each alone would be a waking more, here or on the way (a fourteenth of a look nearby)
            loop.call_soon(self._send_all)
        self._leaving.append(waiting)

    def _send_all(self) -> None:
        leaving, self._leaving = self._leaving, []
        now = asyncio.get_running_loop().time()
        for waiting in leaving:
            if waiting.said.done():
                # nobody waits any more
                self._end(waiting, Silence.OVER)
                self._make_room(waiting.peer)
            else:
                self._send(waiting, now)

    def _send(self, waiting: Waiting[T], now: float) -> None:
        peer = waiting.peer
        try:
            way = self._sockets.way(peer.family, now)
            drawn = next(self._ids)
            while drawn in way.sent:
                drawn = next(self._ids)
            way.socket.sendto(drawn + waiting.question, peer.place)
        except OSError:
            self._end(waiting, Silence.OVER)
            self._make_room(peer)
            return
        way.asked += 1
        way.sent[drawn] = waiting
        waiting.way, waiting.id, waiting.sent = way, drawn, now

    def _readable(self, way: Way[Waiting[T]], most: int = AT_ONCE) -> None:
        now = asyncio.get_running_loop().time()
        for _ in range(most):
            try:
                wire, sender = way.socket.recvfrom(LARGEST)
            except OSError:
                break
            waiting = way.sent.get(wire[:2])
            # what nobody asked for, or what does not answer it, is passed over: the true answer may still come
            if waiting is None or sender[:2] != waiting.peer.place:
                continue
            said = self._read(waiting.question, wire)
            if said is not None:
                waiting.peer.has_answered(now - waiting.sent)
                self._end(waiting, said)
        while self._fresh and self._fresh[0].over:
            self._fresh.popleft()

    def _end(self, waiting: Waiting[T], said: T | Silence) -> None:
        waiting.over = True
        if not waiting.said.done():
            waiting.said.set_result(said)
        if waiting.way is not None:
            del waiting.way.sent[waiting.id]
            self._make_room(waiting.peer)

    def _make_room(self, peer: Peer[Waiting[T]]) -> None:
        peer.under_way -= 1
        while peer.queue and peer.under_way < peer.room:
            following = peer.queue.popleft()
            if not following.said.done():
                self._let_go(following, asyncio.get_running_loop())
        if not peer.under_way and not peer.queue:
            self._peers.pop(peer.given, None)

    def _ring(self) -> None:
        """Tell those whose time is up, and set the alarm for the next."""
        loop = asyncio.get_running_loop()
        for way in self._sockets.open:
            # what has come is not late, however busy this process was
            self._readable(way, MOST_WAITING)
        now = loop.time()
        over = _due(self._late, now)
        for waiting in over:
            # all before one is ended, so that none of them is sent in the place of another
            if not waiting.said.done():
                waiting.said.set_result(Silence.OVER)
        for waiting in over:
            self._end(waiting, Silence.OVER)
        for waiting in _due(self._fresh, now):
            self._delay(waiting, loop)
        nexts = [each[0].due for each in (self._fresh, self._late) if each]
        self._alarm = loop.call_at(min(nexts), self._ring) if nexts else None

    def _delay(self, waiting: Waiting[T], loop: asyncio.AbstractEventLoop) -> None:
        if waiting.said.done():
            # nobody waits any more
            self._end(waiting, Silence.OVER)
            return
        if waiting.way is not None:
            waiting.peer.is_late(waiting.sent, loop.time())
        self._late.append(waiting)
        waiting.due += self._rest
        told, waiting.said = waiting.said, loop.create_future()
        told.set_result(Silence.LATE)


def _due(waiting: "deque[Waiting[T]]", now: float) -> list[Waiting[T]]:
    """Take out those that are due, and those before them that are over."""
    due = []
    while waiting and (waiting[0].over or waiting[0].due <= now):
        first = waiting.popleft()
        if not first.over:
            due.append(first)
    return due
