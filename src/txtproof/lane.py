"""A lane that is being worked on: rows are claimed many at a time, and visited beside each other within limits."""

import asyncio
import logging
from datetime import datetime, timedelta

from txtproof.core.model import Step
from txtproof.ports import Row, Store, StoreUnavailable, Turns
from txtproof.visit import Means, Visit

log = logging.getLogger(__name__)

_FULL = 0.75
"""Part of the visits there may be: with fewer, all of them wait for commits while the store is busy with a claim."""


class Lane:
    """The visits of a lane that are in flight, and what has come of those that are over."""

    def __init__(
        self, means: Means, store: Store, turns: Turns, step: Step, longest: timedelta, in_flight: int
    ) -> None:
        """Take the longest that a visit may last, and how many there may be at a time."""
        self._means = means
        self._store = store
        self._turns = turns
        self._step = step
        self._longest = longest.total_seconds()
        self._in_flight = in_flight
        self._visits: dict[asyncio.Task[Step | None], tuple[float, Row]] = {}
        """Each with when it was begun."""
        self._late: set[asyncio.Task[Step | None]] = set()
        self._due: set[Step] = set()
        self._fault: BaseException | None = None
        self._changed = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Say whether it is worth claiming: for many at a time, since each claim is a round trip."""
        return len(self._visits) <= self._in_flight * _FULL

    @property
    def is_quiet(self) -> bool:
        """Say whether no visit is under way."""
        return not self._visits

    async def claim(self) -> int:
        """Begin to visit what is due, as far as there is room; return how many rows that were."""
        claimed = await self._store.claim(self._step, self._in_flight - len(self._visits))
        begun = asyncio.get_running_loop().time()
        for row in claimed.rows:
            visit = asyncio.create_task(self._guarded(row, claimed.now))
            self._visits[visit] = begun, row
            visit.add_done_callback(self._over)
        return len(claimed.rows)

    def fall_due(self) -> list[Step]:
        """Return the other lanes that visits have given work to since the last time."""
        due = sorted(self._due - {self._step})
        self._due.clear()
        return due

    async def leave(self) -> None:
        """Leave the rows in flight to their leases: nobody is to take them for those of a dead process."""
        await self._store.leave([row for _, row in self._visits.values()])
        await self._turns.leave(self._step)

    async def change(self, within: float | None) -> None:
        """Wait until a visit is over, or for so many seconds. Raises what a visit raised."""
        if self._fault is None and self._visits:
            self._changed.clear()
            # one timer for all: a timer a visit costs a tenth of a look
            loop, late = asyncio.get_running_loop(), self._time_left()
            watch = loop.call_later(late if within is None else min(late, within), self._cut_off)
            await self._changed.wait()
            watch.cancel()
        if self._fault is not None:
            raise self._fault

    async def aclose(self) -> None:
        """End what is still under way, and hand its rows back: it is nobody's fault that there was no more time."""
        unfinished = list(self._visits)
        for visit in unfinished:
            visit.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        await self._means.commits.aclose()
        if unfinished and self._fault is None:
            await self._store.recover(self._step, blameless=True)

    def _time_left(self) -> float:
        """Return in how many seconds the oldest visit will have taken too long."""
        oldest, _ = next(iter(self._visits.values()))
        return oldest + self._longest - asyncio.get_running_loop().time()

    def _cut_off(self) -> None:
        """End the visits that have taken too long."""
        since = asyncio.get_running_loop().time() - self._longest
        for visit, (begun, _) in self._visits.items():
            # once is enough: a second one would cut off what follows from the first
            if begun <= since and visit not in self._late:
                self._late.add(visit)
                visit.cancel()
        self._changed.set()

    def _over(self, visit: "asyncio.Task[Step | None]") -> None:
        del self._visits[visit]
        self._late.discard(visit)
        if not visit.cancelled():
            self._fault = self._fault or visit.exception()
            if not visit.exception() and (due := visit.result()) is not None:
                self._due.add(due)
        self._changed.set()

    async def _guarded(self, row: Row, claimed_at: datetime) -> Step | None:
        """Visit a row within the time for it; a fault of ours costs this row a lease, and its neighbours nothing."""
        key = row.verification.key
        try:
            return await Visit(self._means, row, claimed_at).run()
        except StoreUnavailable:
            raise
        except asyncio.CancelledError:
            if asyncio.current_task() not in self._late:
                raise
            log.warning("%s: the visit took too long and is left to its lease", key)
        except Exception as fault:  # noqa: BLE001  # whatever it was, the other rows must go on
            # the text of an exception may quote what must not be in a log
            log.error("%s: %s in a visit, %s", key, type(fault).__name__, _place(fault))  # noqa: TRY400
        await self._store.leave([row])
        return None


def _place(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "nowhere"
