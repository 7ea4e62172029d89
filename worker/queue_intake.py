"""Messages of other services on RabbitMQ: a thread of the worker's main process that reads `txtproof.commands`.

A message is acknowledged once it is stored, or rejected once it is set aside. Whatever goes wrong before that, the
connection is dropped, the server keeps the messages, and they come again.
"""

import asyncio
import logging
import time
from functools import partial

from config.settings import Settings
from tasks.base import ring_unless_attended
from txtproof.assembly import open_reception
from txtproof.ports import StoreUnavailable
from txtproof.reception import Reception
from worker import bootstrap, lifecycle
from worker.commands_queue import LOST, CommandsQueue
from worker.threads import ThreadStep

log = logging.getLogger(__name__)

LOOKS_UP = 0.5
"""Seconds without a message after which it is looked whether the worker stops."""
SHORTEST, LONGEST = 0.5, 15.0
"""Seconds between two tries while a server is away: twice as many each time."""


class QueueIntake(ThreadStep):
    """The thread."""

    def run(self) -> None:
        """Read until the worker stops."""
        asyncio.run(self._receive(bootstrap.settings()))

    async def _receive(self, settings: Settings) -> None:
        async with open_reception(bootstrap.options(settings)) as reception:
            pause = SHORTEST
            while not self.stopping.is_set():
                began = time.monotonic()
                await self._receive_until_lost(settings.broker_url, reception)
                pause = SHORTEST if time.monotonic() - began > LONGEST else min(2 * pause, LONGEST)
                await asyncio.to_thread(self.stopping.wait, pause)

    async def _receive_until_lost(self, url: str, reception: Reception) -> None:
        try:
            # before anything is delivered: RabbitMQ counts how often a message comes back
            await reception.check()
            with CommandsQueue(url, self.app.conf.broker_transport_options) as queue:
                ring = partial(ring_unless_attended, lifecycle.lanes())
                while not self.stopping.is_set():
                    # it blocks the loop, which has nothing else to do
                    read = queue.read(LOOKS_UP)
                    if read:
                        taken = await reception.take_in([one.letter for one in read], ring)
                        queue.settle(read, [one for one, good in zip(read, taken, strict=True) if not good])
        except StoreUnavailable as fault:
            log.warning("intake: the store is away: %s", fault)
        except LOST as fault:
            log.warning("intake: RabbitMQ is away: %s", type(fault).__name__)
        except Exception as fault:  # noqa: BLE001  # the thread must live as long as the worker does
            # the text of an exception may quote a message
            log.error("intake: %s", type(fault).__name__)  # noqa: TRY400
