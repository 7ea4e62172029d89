"""TCP connections to name servers that many looks share: a flock of matches asks by a few of them (RFC 7766, 6.2).

Questions go out as they come and are answered in any order; past what a server may owe they wait their turn. Whoever
gets no answer this way asks again by a connection of its own: not every server takes more than one question, and one
look must not pay for another's.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from txtproof.adapters.dns.ids import ids
from txtproof.adapters.dns_stream import Stream, connected
from txtproof.core.reasons import Reason

KEPT = 2.0
"""Seconds for which a connection that nobody uses is kept: servers hang up after some more."""
MOST_OWED = 256
"""Answers that a connection may owe before another is opened."""
MOST_LINES = 4
"""Connections to one server; past that, questions wait."""

OPENS_WITHIN = 1.0
"""Seconds after which connecting begins anew: the system itself would wait ever longer for a server that is back."""


class Asked:
    """Questions to one server. `over` is to be waited for, and then, or in its place, `settle` to be called."""

    __slots__ = ("_alone", "answers", "failure", "line", "over", "questions", "since", "took")

    def __init__(self, questions: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        self.questions = questions
        """Each as it follows its id."""
        self.answers: dict[int, bytes] = {}
        """By the places of their questions. Each bears its question's id; the rest is the caller's to judge."""
        self.failure: Reason | OSError = Reason.TIMEOUT
        """What is the matter with those that are not there."""
        self.over: asyncio.Future[None] = loop.create_future()
        """Done as soon as all have come, or nothing more will."""
        self.since = loop.time()
        self.took: float | None = None
        """Seconds until the last one came, where all did."""
        self.line: Line | None = None
        """By which they went out."""
        self._alone: asyncio.Task[None] | None = None

    def take(self, place: int, answer: bytes, now: float) -> None:
        """Take an answer that came by then, on the loop's clock."""
        self.answers[place] = answer
        if len(self.answers) == len(self.questions):
            self.took = now - self.since
            self.end()

    def end(self, failure: Reason | OSError = Reason.LAME) -> None:
        """Say that no more will come."""
        self.line = None
        if not self.over.done():
            self.failure = failure
            self.over.set_result(None)

    def try_alone(self, asking: "asyncio.Task[None]") -> None:
        """Go on by what asks anew, by a connection of its own."""
        self.line, self._alone = None, asking

    def settle(self) -> None:
        """Want nothing more."""
        self.over.cancel()
        if self.line is not None:
            self.line.drop(self)
        if self._alone is not None:
            self._alone.cancel()


class Line:
    """One connection, and who waits for what."""

    def __init__(self, stream: Stream, moved: Callable[[], None], ended: Callable[[Asked], None]) -> None:
        """Take what to call when there is room again, and what for each who has not been answered in the end."""
        self._stream = stream
        stream.most_unread = 2 * MOST_OWED
        self._moved = moved
        self._ended = ended
        self._owed: dict[bytes, tuple[Asked, int]] = {}
        self._unsent: list[bytes] = []
        self._ids = ids()
        self.is_open = True
        self.used = asyncio.get_running_loop().time()
        """When an answer came last, on the loop's clock."""
        self._reading = asyncio.create_task(self._read())

    @property
    def owes(self) -> int:
        """Return how many answers are owed."""
        return len(self._owed)

    def put(self, asked: Asked) -> None:
        """Put questions."""
        asked.line = self
        if not self._unsent:
            # what a whole flock asks in this turn of the loop leaves in one piece
            asyncio.get_running_loop().call_soon(self._send)
        for place, question in enumerate(asked.questions):
            one = next(self._ids)
            while one in self._owed:
                one = next(self._ids)
            self._owed[one] = asked, place
            self._unsent.append(one + question)

    def drop(self, asked: Asked) -> None:
        """Let go whoever waits no longer.

        Where it was for something, nobody new is let in: what is slow for one is slow for all.
        """
        mine = [one for one, (whose, _) in self._owed.items() if whose is asked]
        for one in mine:
            del self._owed[one]
        if mine:
            self.is_open = False
            if not self._owed:
                self.close()

    def close(self) -> None:
        """Hang up; whoever waits is told."""
        self.is_open = False
        self._stream.close()

    def _send(self) -> None:
        self._stream.send(*self._unsent)
        self._unsent.clear()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError, EOFError):
            while True:
                message = await self._stream.receive()
                self.used = loop.time()
                asked, place = self._owed.pop(message[:2], (None, 0))
                if asked is not None:
                    asked.take(place, message, self.used)
                    self._moved()
                elif self.is_open:
                    # nobody asked that
                    break
                if not self.is_open and not self._owed:
                    break
        self.close()
        for unanswered in {id(asked): asked for asked, _ in self._owed.values()}.values():
            self._ended(unanswered)
        self._owed.clear()
        self._moved()


class Pool:
    """The connections to one server, and who waits for one."""

    def __init__(self, address: str, port: int, places: asyncio.Semaphore) -> None:
        """Take how many connections there may be beside the shared ones, to all servers together."""
        self.address = address
        self.port = port
        self._places = places
        self._lines: list[Line] = []
        self._queue: deque[Asked] = deque()
        self._opening: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Say whether nothing is kept for it."""
        return not self._lines and not self._queue and self._opening is None

    @property
    def _open_lines(self) -> int:
        return sum(one.is_open for one in self._lines)

    def put(self, asked: Asked) -> None:
        """Put questions, or have them wait for room."""
        self._queue.append(asked)
        self._move_on()

    def hang_up(self, since: float | None = None) -> None:
        """Close what has not been used since then, and owes nothing; None: everything, and nobody is to wait."""
        for line in self._lines:
            if since is None or (not line.owes and line.used <= since):
                line.close()
        self._lines = [line for line in self._lines if line.is_open or line.owes]
        if since is None:
            self._is_closed = True
            while self._queue:
                self._queue.popleft().end()
            if self._opening is not None:
                self._opening.cancel()

    def _move_on(self) -> None:
        while self._queue:
            line = next((one for one in self._lines if one.is_open and one.owes < MOST_OWED), None)
            if line is None:
                break
            asked = self._queue.popleft()
            if not asked.over.done():
                line.put(asked)
        if self._queue and self._opening is None and self._open_lines < MOST_LINES:
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        """Connect, again and again for as long as somebody waits: each of them says how long that is."""
        try:
            while self._is_wanted() and not await self._opened():
                pass
        except OSError as fault:
            # while another is open they have their turn there
            while self._queue and not self._open_lines:
                self._queue.popleft().end(fault)
            return
        finally:
            self._opening = None
        self._move_on()

    def _is_wanted(self) -> bool:
        while self._queue and self._queue[0].over.done():
            self._queue.popleft()
        return bool(self._queue)

    async def _opened(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(OPENS_WITHIN):
                stream = await connected(self.address, self.port)
            self._lines.append(Line(stream, self._move_on, self._left_without))
            return True
        return False

    def _left_without(self, asked: Asked) -> None:
        """Give whoever had no answer a connection of its own."""
        if self._is_closed:
            asked.end()
        elif not asked.over.done():
            asked.try_alone(asyncio.create_task(self._ask_alone(asked)))

    async def _ask_alone(self, asked: Asked) -> None:
        loop = asyncio.get_running_loop()
        failure: Reason | OSError = Reason.LAME
        try:
            async with self._places:
                stream = await connected(self.address, self.port)
                try:
                    # nothing that was not asked is waited past
                    waiting: dict[bytes, int] = {}
                    for one in ids():
                        waiting.setdefault(one, len(waiting))
                        if len(waiting) == len(asked.questions):
                            break
                    stream.send(*(one + asked.questions[place] for one, place in waiting.items()))
                    while waiting:
                        answer = await stream.receive()
                        place = waiting.pop(answer[:2], None)
                        if place is None:
                            break
                        asked.take(place, answer, loop.time())
                finally:
                    stream.close()
        except EOFError:
            pass
        except OSError as fault:
            failure = fault
        asked.end(failure)


class Lines:
    """The connections to all servers."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        """Take how many connections there may be beside the shared ones."""
        self._places = places
        self._pools: dict[tuple[str, int], Pool] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    def put(self, questions: Sequence[bytes], address: str, port: int) -> Asked:
        """Put questions to a server, as soon as that may be."""
        pool = self._pools.get((address, port))
        if pool is None:
            pool = self._pools[address, port] = Pool(address, port, self._places)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(KEPT, self._sweep)
        asked = Asked(questions)
        pool.put(asked)
        return asked

    def close(self) -> None:
        """Hang up on all."""
        for pool in self._pools.values():
            pool.hang_up()
        self._pools.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for server, pool in tuple(self._pools.items()):
            pool.hang_up(loop.time() - KEPT)
            if pool.is_idle:
                del self._pools[server]
        self._sweeping = loop.call_later(KEPT, self._sweep) if self._pools else None
