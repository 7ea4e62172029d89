"""An address that is asked: how many questions it has at once, and those that wait their turn."""

import socket
from collections import deque
from typing import Generic, TypeVar

W = TypeVar("W")

MOST_PER_PEER = 100
"""Questions under way to an address nearby: what a buffer of the usual size there is sure to hold."""
MOST_PER_SECOND = 60_000
"""Questions to one farther away: with so many in the time that its quickest answer took, they are on the way there and
back, and not in its buffer."""
MOST_FAR_AWAY = 6_000


class Peer(Generic[W]):
    """One address and port."""

    __slots__ = ("_halved", "_most", "_quickest", "family", "given", "place", "queue", "room", "under_way")

    def __init__(self, address: str, port: int) -> None:
        self.given = (address, port)
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.place = (socket.inet_ntop(self.family, socket.inet_pton(self.family, address)), port)
        """As the system writes it when an answer comes."""
        self.under_way = 0
        self.queue: deque[W] = deque()
        self.room = MOST_PER_PEER
        """How many may be under way."""
        self._halved = 0.0
        self._most = MOST_FAR_AWAY
        self._quickest = MOST_FAR_AWAY / MOST_PER_SECOND
        """Seconds; what takes longer is no farther away."""

    def has_answered(self, seconds: float) -> None:
        """Make room for one more, as far as the way is long: twice as many in each round trip."""
        if seconds < self._quickest:
            self._quickest = seconds
            self._most = max(MOST_PER_PEER, int(seconds * MOST_PER_SECOND))
        if self.room < self._most:
            self.room += 1
        elif self.room > self._most:
            self.room = self._most

    def is_late(self, sent: float, now: float) -> None:
        """Halve the room, once for all that had been sent by then: some of them may have been too many."""
        if sent >= self._halved:
            self._halved = now
            self.room = max(MOST_PER_PEER, self.room // 2)
