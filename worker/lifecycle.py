"""The life of a worker's processes: what each has from its fork to its end."""

import asyncio
from contextlib import AsyncExitStack

from celery import signals

from tasks import base
from txtproof.assembly import open_services
from worker import bootstrap

_lanes: base.Lanes | None = None
_open: AsyncExitStack | None = None


def connect() -> None:
    """Be called when a worker starts, and when its pool processes start and stop."""
    signals.worker_init.connect(before_the_fork)
    signals.worker_shutting_down.connect(worker_stops)
    signals.worker_process_init.connect(process_starts)
    signals.worker_process_shutdown.connect(process_stops)


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
    assert _lanes is not None, "worker_init comes first"
    runner = asyncio.Runner()
    _open = AsyncExitStack()
    options = bootstrap.options(bootstrap.settings())
    services = runner.run(_open.enter_async_context(open_services(options, _lanes.worker)))
    base.settle(base.Home(runner, services, _lanes))


def process_stops(**_: object) -> None:
    """Close what was opened."""
    here = base.home()
    base.settle(None)
    if _open is not None:
        here.runner.run(_open.aclose())
    here.runner.close()
