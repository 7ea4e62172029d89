"""Celery task `verification.sweep`: beat's tick."""

import logging

from celery import shared_task

from tasks import base
from txtproof.ports import StoreUnavailable

log = logging.getLogger(__name__)


@shared_task(name="verification.sweep")
def sweep() -> None:
    """Ring every lane that has due work, unless another beat's tick has just done so."""
    here = base.home()
    try:
        here.run(here.services.sweep(base.ring))
    except StoreUnavailable as fault:
        log.warning("sweep: the store is away: %s", fault)
