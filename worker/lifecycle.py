"""The life of a worker's processes: what each has from its fork to its end."""

import asyncio
import gc
from contextlib import AsyncExitStack

from celery import signals

from tasks import base
from txtproof.assembly import open_services
from worker import bootstrap

YOUNG = 20_000
"""Objects made since the last look for garbage that bring on the next: a look at a domain makes dozens, which go by
themselves. It was a sixth of the CPU time of looks."""

_lanes: base.Lanes | None = None
_open: AsyncExitStack | None = None


def connect() -> None:
    """Be called when a worker starts, and when its pool processes start and stop."""
    signals.worker_init.connect(before_the_fork)
    signals.worker_shutting_down.connect(worker_stops)
    signals.worker_process_init.connect(process_starts)
    signals.worker_process_shutdown.connect(process_stops)


def lanes() -> base.Lanes:
    """Return what all processes of this worker share."""
    assert _lanes is not None, "worker_init comes first"
    return _lanes


def before_the_fork(**_: object) -> None:
    """Make what all pool processes of this worker share."""
    global _lanes  # noqa: PLW0603  # handed through the fork, which only module state is
    _lanes = base.Lanes()


def worker_stops(**_: object) -> None:
    """Have the pool's processes finish what they have begun, and begin nothing more."""
    if _lanes is not None:
        _lanes.stop()


def process_starts(**_: object) -> None:
    """Open this process's loop and clients; nothing of them may come from before the fork."""
    global _open  # noqa: PLW0603  # Celery's signals have nowhere else to keep it
    # what was loaded before the fork stays for good: the collector need not go through it, nor run every 700 objects
    gc.freeze()
    gc.set_threshold(YOUNG)
    runner = asyncio.Runner()
    _open = AsyncExitStack()
    options = bootstrap.options(bootstrap.settings())
    services = runner.run(_open.enter_async_context(open_services(options, lanes().worker)))
    base.settle(base.Home(runner, services, lanes()))


def process_stops(**_: object) -> None:
    """Close what was opened."""
    here = base.home()
    base.settle(None)
    if _open is not None:
        here.runner.run(_open.aclose())
    here.runner.close()
