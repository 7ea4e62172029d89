"""Celery task `verification.withdraw_record`."""

from celery import shared_task

from tasks import base
from txtproof.core.model import Step


@shared_task(name="verification.withdraw_record")
def withdraw_record() -> None:
    """Have the records removed that prove nothing any more."""
    base.drain(Step.WITHDRAW_RECORD)
