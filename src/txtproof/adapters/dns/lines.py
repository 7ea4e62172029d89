"""TCP connections to name servers that many looks share: a flock of matches asks by a few of them (RFC 7766, 6.2).

Questions go out as they come and are answered in any order. Whoever gets no answer this way asks again by a connection
of its own: not every server takes more than one question, and one look must not pay for another's.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

from txtproof.adapters.dns.shared import Shared
from txtproof.adapters.dns_stream import Stream, connected

KEPT = 2.0
"""Seconds for which a connection that nobody uses is kept: servers hang up after some more."""
MOST_OWED = 256
"""Answers that a connection may owe before another is opened."""
MOST_LINES = 4
"""Connections to one server; past that, each look has its own."""

OPENS_WITHIN = 1.0
"""Seconds after which connecting begins anew: the system itself would wait ever longer for a server that is back."""

Server = tuple[str, int]
"""Address and port."""


class Line:
    """One connection, and who waits for what."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        stream.most_unread = 2 * MOST_OWED
        self._owed: dict[bytes, asyncio.Future[bytes]] = {}
        self._unsent: list[bytes] = []
        self.is_open = True
        self.used = asyncio.get_running_loop().time()
        """When somebody last had an answer by it, on the loop's clock."""
        self._reading = asyncio.create_task(self._read())

    @property
    def owes(self) -> int:
        """Return how many answers are owed."""
        return len(self._owed)

    async def put(self, questions: Sequence[bytes], answers: dict[int, bytes]) -> None:
        """Put questions, each given as it follows its id; gather the answers by their questions' places.

        An answer bears its question's id; the rest is the caller's to judge. Whoever waits no longer ends the
        connection for those to come: what is slow for one is slow for all. Raises OSError and EOFError; what came
        before that is in `answers`.
        """
        mine: dict[bytes, asyncio.Future[bytes]] = {}
        while len(mine) < len(questions):
            one = os.urandom(2)
            if one not in self._owed:
                self._owed[one] = mine[one] = asyncio.get_running_loop().create_future()
        if not self._unsent:
            # what a whole flock asks in this turn of the loop leaves in one piece
            asyncio.get_running_loop().call_soon(self._send)
        self._unsent += [one + question for one, question in zip(mine, questions, strict=True)]
        try:
            for answer in mine.values():
                await answer
        finally:
            self._settle(mine, answers)

    def close(self) -> None:
        """Hang up; whoever waits is told."""
        self.is_open = False
        self._stream.close()

    def _send(self) -> None:
        self._stream.send(*self._unsent)
        self._unsent.clear()

    def _settle(self, mine: Mapping[bytes, asyncio.Future[bytes]], answers: dict[int, bytes]) -> None:
        for place, (one, answer) in enumerate(mine.items()):
            if self._owed.pop(one, None) is not None:
                self.is_open = False
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                answers[place] = answer.result()
        self.used = asyncio.get_running_loop().time()
        if not self.is_open and not self._owed:
            self.close()

    async def _read(self) -> None:
        try:
            while True:
                message = await self._stream.receive()
                owed = self._owed.pop(message[:2], None)
                if owed is not None and not owed.done():
                    owed.set_result(message)
                elif self.is_open:
                    # nobody asked that
                    break
        except (OSError, EOFError):
            pass
        self.close()
        for answer in self._owed.values():
            if not answer.done():
                answer.set_exception(EOFError("the other side has hung up"))
        self._owed.clear()


class Lines:
    """The connections that are shared, at most `MOST_LINES` to a server."""

    def __init__(self) -> None:
        self._lines: dict[Server, list[Line]] = {}
        self._opening: Shared[Server, None] = Shared()
        self._sweeping: asyncio.TimerHandle | None = None

    async def to(self, server: Server) -> Line | None:
        """Return a connection with room for more; None where all have none. Raises OSError.

        It waits for as long as the server says nothing: how long that may be is the caller's to say.
        """
        while True:
            lines = [line for line in self._lines.get(server, ()) if line.is_open]
            roomy = next((line for line in lines if line.owes < MOST_OWED), None)
            if roomy is not None or len(lines) >= MOST_LINES:
                return roomy
            with suppress(TimeoutError):
                await self._opening.once(server, lambda: self._opened(server))

    def close(self) -> None:
        """Hang up on all."""
        for lines in self._lines.values():
            for line in lines:
                line.close()
        self._lines.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    async def _opened(self, server: Server) -> None:
        async with asyncio.timeout(OPENS_WITHIN):
            line = Line(await connected(*server))
        self._lines.setdefault(server, []).append(line)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(KEPT, self._sweep)

    def _sweep(self) -> None:
        since = asyncio.get_running_loop().time() - KEPT
        for server, lines in tuple(self._lines.items()):
            for line in lines:
                if not line.owes and line.used <= since:
                    line.close()
            self._lines[server] = [line for line in lines if line.is_open]
            if not self._lines[server]:
                del self._lines[server]
        again = bool(self._lines)
        self._sweeping = asyncio.get_running_loop().call_later(KEPT, self._sweep) if again else None
