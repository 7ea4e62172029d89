"""The Celery object: `celery -A worker.app worker`, `celery -A worker.app beat`."""

import sys

from celery import Celery

from config.celery_options import celery_options, on_redis
from config.problems import SettingsProblems
from worker import bootstrap, lifecycle, observability
from worker.amqp_frames import tolerant_frame_handler
from worker.intake import Intake
from worker.queue_intake import QueueIntake
from worker.watchdog import Watchdog

TASKS = (
    "tasks.request_code",
    "tasks.publish_record",
    "tasks.check_record",
    "tasks.withdraw_record",
    "tasks.request_verification",
    "tasks.sweep",
)


def build() -> Celery:
    """Make the app from the environment's settings; a wrong one ends the process with all that is wrong."""
    try:
        settings = bootstrap.settings()
    except SettingsProblems as wrong:
        sys.exit("txtproof does not start:\n" + "\n".join(f"  - {problem}" for problem in wrong.problems))
    celery = Celery("txtproof", include=TASKS)
    celery.conf.update(celery_options(settings))
    celery.steps["worker"].update((Intake, Watchdog))
    if not on_redis(settings):
        celery.conf.broker_transport_options["frame_handler"] = tolerant_frame_handler
        celery.steps["worker"].add(QueueIntake)
    lifecycle.connect()
    observability.connect(settings)
    return celery


app = build()
