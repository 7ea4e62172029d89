"""A timer in the worker: it sweeps when ticks stop, and takes up what processes of this worker held when they died.

Ticks stop where no beat runs, its clock is wrong, or its bells are lost. What a dead process held is not due, so that
no sweep of anybody finds it, and only its own worker knows that it is dead.
"""

import asyncio
import logging
from datetime import timedelta

from config.settings import Settings
from tasks.base import Lanes, ring
from txtproof.assembly import Sweep, open_sweep
from txtproof.core.model import Step
from txtproof.ports import Store, StoreUnavailable
from worker import bootstrap, lifecycle
from worker.threads import ThreadStep

log = logging.getLogger(__name__)

LOOKS = timedelta(seconds=1)
SILENCE = timedelta(seconds=3)
"""So long no tick has come when the worker takes matters into its own hands."""


class Watchdog(ThreadStep):
    """The thread."""

    def run(self) -> None:
        """Watch until the worker stops."""
        asyncio.run(self._watch(bootstrap.settings()))

    async def _watch(self, settings: Settings) -> None:
        async with open_sweep(bootstrap.options(settings), lifecycle.lanes().worker) as sweep:
            # where all begins, beat gets the time to begin too
            await self._wait(SILENCE)
            silent = False
            while not self.stopping.is_set():
                swept = await self._sweep(sweep)
                if swept and not silent:
                    log.warning("no tick has come for %s s: does beat run, and is its clock right?", SILENCE.seconds)
                silent = swept
                await self._wait(SILENCE if swept else LOOKS)

    async def _sweep(self, sweep: Sweep) -> bool:
        try:
            await _recover(sweep.store, lifecycle.lanes())
            return await sweep(ring, SILENCE)
        except StoreUnavailable as fault:
            log.warning("watchdog: the store is away: %s", fault)
        except Exception as fault:  # noqa: BLE001  # the thread must live as long as the worker does
            log.error("watchdog: %s", type(fault).__name__)  # noqa: TRY400  # as in the intake
        return False

    async def _wait(self, time: timedelta) -> None:
        await asyncio.to_thread(self.stopping.wait, time.total_seconds())


async def _recover(store: Store, lanes: Lanes) -> None:
    """Take up what is held in lanes that no process of this worker has: whoever held it is dead."""
    for step in Step:
        if not lanes.take(step):
            continue
        try:
            found = await store.recover(step)
        finally:
            lanes.let_go(step)
        if found:
            log.warning("%s: %d rows of a process that died are due again", step.value, found)
            await ring(step)
