"""Celery task `verification.request_code`."""

from celery import shared_task

from tasks import base
from txtproof.core.model import Step


@shared_task(name="verification.request_code")
def request_code() -> None:
    """Ask Nexus for the codes that are wanted now."""
    base.drain(Step.REQUEST_CODE)
