"""Celery task `verification.check_record`."""

from celery import shared_task

from tasks import base
from txtproof.core.model import Step


@shared_task(name="verification.check_record")
def check_record() -> None:
    """Look for the records that are due for a look."""
    base.drain(Step.CHECK_RECORD)
