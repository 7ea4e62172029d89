"""Messages of other services: a thread of the worker's main process that reads their stream.

Not a Celery queue: one malformed message on that ends the worker (docs/decisions). A stranger's message here can do
no worse than end up in `txtproof:rejected`.
"""

import asyncio
import logging
from datetime import timedelta
from functools import partial

from config.settings import Settings
from tasks.base import ring_unless_attended
from txtproof.assembly import open_reception
from txtproof.ports import StoreUnavailable
from txtproof.reception import Reception
from worker import bootstrap, lifecycle
from worker.threads import ThreadStep

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Messages taken in one go."""
GATHERS = 0.005
"""Seconds from a read to the next where messages come one by one: a batch costs little more than one of them."""
WAIT = timedelta(seconds=1)
"""How long to wait for messages, and how long after a failure of the store to try again."""


class Intake(ThreadStep):
    """The thread."""

    def run(self) -> None:
        """Read until the worker stops; what was taken and not accepted is taken again by another worker."""
        asyncio.run(self._receive(bootstrap.settings()))

    async def _receive(self, settings: Settings) -> None:
        async with open_reception(bootstrap.options(settings)) as reception:
            while not self.stopping.is_set():
                await self._receive_once(reception)

    async def _receive_once(self, reception: Reception) -> None:
        try:
            came = await reception.receive(AT_ONCE, WAIT, partial(ring_unless_attended, lifecycle.lanes()))
            if 0 < came < AT_ONCE:
                await asyncio.sleep(GATHERS)
        except StoreUnavailable as fault:
            log.warning("intake: the store is away: %s", fault)
            await asyncio.sleep(WAIT.total_seconds())
        except Exception as fault:  # noqa: BLE001  # the thread must live as long as the worker does
            # the text of an exception may quote a message
            log.error("intake: %s", type(fault).__name__)  # noqa: TRY400
            await asyncio.sleep(WAIT.total_seconds())
