"""Celery task `verification.request`: a command from another Celery service, on the queue `txtproof.commands`."""

import asyncio
import logging
from functools import partial

from celery import shared_task
from celery.exceptions import Reject

from tasks import base
from txtproof.ports import StoreUnavailable

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before a command goes back to its queue while the store is away: no busy loop between the two."""


@shared_task(name="verification.request")
def request_verification(*args: object, **members: object) -> None:
    """Take in a request; its keyword arguments are the members of the contract's `data`."""
    here = base.home()
    try:
        here.run(here.services.reception.hear(args, members, partial(base.ring_unless_attended, here.lanes)))
    except StoreUnavailable as fault:
        log.warning("request: back to the queue, the store is away: %s", fault)
        here.run(asyncio.sleep(PAUSE))
        raise Reject(reason="store unavailable", requeue=True) from None
