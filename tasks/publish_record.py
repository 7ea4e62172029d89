"""Celery task `verification.publish_record`."""

from celery import shared_task

from tasks import base
from txtproof.core.model import Step


@shared_task(name="verification.publish_record")
def publish_record() -> None:
    """Have the records written that are wanted now."""
    base.drain(Step.PUBLISH_RECORD)
