"""A timer in the worker that sweeps when ticks stop: no beat runs, its clock is wrong, or its bells are lost."""

import asyncio
import logging
from datetime import timedelta

from config.settings import Settings
from tasks.base import ring
from txtproof.assembly import Sweep, open_sweep
from txtproof.ports import StoreUnavailable
from worker import bootstrap
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
        async with open_sweep(bootstrap.options(settings)) as sweep:
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
            return await sweep(ring, SILENCE)
        except StoreUnavailable as fault:
            log.warning("watchdog: the store is away: %s", fault)
        except Exception as fault:  # noqa: BLE001  # the thread must live as long as the worker does
            log.error("watchdog: %s", type(fault).__name__)  # noqa: TRY400  # as in the intake
        return False

    async def _wait(self, time: timedelta) -> None:
        await asyncio.to_thread(self.stopping.wait, time.total_seconds())
