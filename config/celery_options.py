"""Settings -> Celery's options: queues, routes, limits, beat's schedule. A pure function."""

from datetime import timedelta
from typing import Any

from kombu import Exchange, Queue

from config.settings import Settings

WORK = "txtproof.work"
"""Doorbells: may be purged at any time without loss."""
BELLS_KEPT = 1000
"""About so many bells wait at the most, on either broker: where no worker runs, beat goes on ringing."""
BELL_WAITS = timedelta(seconds=30)
"""How long RabbitMQ keeps one; by then thirty ticks have said the same."""
COMMANDS = "txtproof.commands"
"""Commands of other services: the name is a contract, so no key prefix is put before it.

On Redis a queue of Celery's, read by Celery. On RabbitMQ it takes plain messages too, and worker/queue_intake reads it.
"""

SOFT_LIMIT = 40
HARD_LIMIT = 50
VISIBILITY = 120
"""Seconds, and they nest: a call (10) < a visit (25) < soft < hard < a row's lease (60) < visibility."""

CONNECTS_WITHIN = 5
"""Seconds."""

TICK = timedelta(seconds=1)
STALE = 10
"""Seconds after which a tick that nobody took is dropped: the next one says the same."""


def celery_options(settings: Settings) -> dict[str, Any]:
    """Return what `app.conf.update` takes."""
    return {
        **(_redis() if on_redis(settings) else _rabbitmq()),
        "broker_url": settings.broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": CONNECTS_WITHIN,
        # a queue that somebody deleted, a broker that says not now: connect anew in place of ending
        "broker_channel_error_retry": True,
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_ignore_result": True,
        "task_default_queue": WORK,
        "task_default_exchange": WORK,
        "task_default_routing_key": WORK,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": SOFT_LIMIT,
        "task_time_limit": HARD_LIMIT,
        "worker_consumer": "worker.doorman:Consumer",
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


def on_redis(settings: Settings) -> bool:
    """Say whether Celery's messages travel through Redis; else through RabbitMQ."""
    return settings.broker_url.startswith("redis")


def _redis() -> dict[str, Any]:
    commands = Queue(COMMANDS, Exchange(COMMANDS, type="direct"), routing_key=COMMANDS)
    return {
        "broker_transport": "worker.redis_transport:Transport",
        "broker_transport_options": _redis_transport(),
        # bound the way Celery binds a queue that a producer merely names: both must agree
        "task_queues": [_bells(), commands],
        "task_routes": {"verification.request": {"queue": COMMANDS}},
    }


def _rabbitmq() -> dict[str, Any]:
    return {
        # a publisher hears whether the broker has the message, in place of losing it with the connection
        "broker_transport_options": {"confirm_publish": True},
        # seconds: a consumer's connection that is silent for two of them is given up, by either side
        "broker_heartbeat": 30,
        # strangers' messages never reach Celery's consumer, which one malformed body ends
        "task_queues": [_bells()],
    }


def _bells() -> Queue:
    """Return the queue of doorbells: classic, and its messages in memory, since what is lost comes again."""
    return Queue(
        WORK,
        Exchange(WORK, type="direct", delivery_mode="transient"),
        routing_key=WORK,
        max_length=BELLS_KEPT,
        message_ttl=BELL_WAITS.total_seconds(),
    )


def _redis_transport() -> dict[str, Any]:
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
        "socket_connect_timeout": CONNECTS_WITHIN,
        "socket_timeout": 30,
        "socket_keepalive": True,
    }
