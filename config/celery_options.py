"""Settings -> Celery's options: queues, routes, limits, beat's schedule. A pure function."""

from datetime import timedelta
from typing import Any

from kombu import Exchange, Queue

from config.settings import Settings

WORK = "txtproof.work"
"""Doorbells: may be purged at any time without loss."""
COMMANDS = "txtproof.commands"
"""Commands of other Celery services: the name is a contract, so no key prefix is put before it."""

SOFT_LIMIT = 40
HARD_LIMIT = 50
VISIBILITY = 120
"""Seconds, and they nest: a call (10) < a visit (25) < soft < hard < a row's lease (60) < visibility."""

TICK = timedelta(seconds=1)
STALE = 10
"""Seconds after which a tick that nobody took is dropped: the next one says the same."""


def celery_options(settings: Settings) -> dict[str, Any]:
    """Return what `app.conf.update` takes."""
    return {
        "broker_url": settings.broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": _transport(settings),
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_ignore_result": True,
        "task_default_queue": WORK,
        "task_queues": [_queue(WORK), _queue(COMMANDS)],
        "task_default_exchange": WORK,
        "task_default_routing_key": WORK,
        "task_routes": {"verification.request": {"queue": COMMANDS}},
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": SOFT_LIMIT,
        "task_time_limit": HARD_LIMIT,
        "worker_concurrency": settings.worker.concurrency,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_soft_shutdown_timeout": float(SOFT_LIMIT),
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "enable_utc": True,
        # any number of beats may run: no file, no lock, for a tick that comes twice changes nothing
        "beat_scheduler": "celery.beat:Scheduler",
        "beat_max_loop_interval": TICK.total_seconds(),
        "beat_schedule": {
            "sweep": {"task": "verification.sweep", "schedule": TICK, "options": {"expires": STALE, "queue": WORK}}
        },
    }


def _queue(name: str) -> Queue:
    """Return a queue bound the way Celery binds one that a producer merely names: both must agree."""
    return Queue(name, Exchange(name, type="direct"), routing_key=name)


def _transport(settings: Settings) -> dict[str, Any]:
    if not settings.broker_url.startswith("redis"):
        return {}
    return {
        "visibility_timeout": VISIBILITY,
        # names of our own: other Celery apps on the same Redis must not restore our messages, nor we theirs
        "unacked_key": "txtproof.unacked",
        "unacked_index_key": "txtproof.unacked_index",
        "unacked_mutex_key": "txtproof.unacked_mutex",
        # a worker that is killed while it restores messages holds up the others for so long, in place of 300
        "unacked_mutex_expire": 30,
        # a command whose worker died comes back within seconds of its visibility timeout, not within 100
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 5,
        "socket_timeout": 30,
        "socket_keepalive": True,
    }
