"""Celery's options as a real app has them in the end, and what a beat and a broker make of them."""

import inspect
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import kombu
import pytest
from amqp import Connection
from celery import Celery
from celery.backends.base import DisabledBackend
from celery.beat import Scheduler, Service
from celery.schedules import schedule
from kombu.transport.redis import Channel

from config.celery_options import (
    BELL_WAITS,
    BELLS_KEPT,
    COMMANDS,
    HARD_LIMIT,
    SOFT_LIMIT,
    STALE,
    TICK,
    VISIBILITY,
    WORK,
    celery_options,
)
from config.settings import load_settings
from tasks.base import PATIENCE
from tests.config.giving import LEAST
from txtproof.ports import Timeouts

AMQP = {"TXTPROOF_BROKER__URL": "amqp://guest:guest@127.0.0.1//"}


def made(environ: dict[str, str]) -> Celery:
    app = Celery("txtproof-test", set_as_current=False, include=("tasks.request_verification", "tasks.sweep"))
    app.conf.update(celery_options(load_settings(environ)))
    return app


@pytest.fixture
def app() -> Iterator[Celery]:
    app = made(LEAST)
    yield app
    app.close()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("accept_content", ["json"]),
        ("task_serializer", "json"),
        ("task_acks_late", True),
        ("task_reject_on_worker_lost", True),
        ("task_ignore_result", True),
        ("result_backend", None),
        ("task_always_eager", False),
        ("worker_prefetch_multiplier", 1),
        ("worker_concurrency", 6),
        ("worker_cancel_long_running_tasks_on_connection_loss", True),
        ("worker_hijack_root_logger", False),
        ("worker_redirect_stdouts", False),
        ("worker_enable_remote_control", True),
        ("worker_send_task_events", False),
        ("broker_connection_retry_on_startup", True),
        ("broker_connection_max_retries", None),
        ("broker_channel_error_retry", True),
        ("beat_scheduler", "celery.beat:Scheduler"),
        ("enable_utc", True),
        ("timezone", None),
    ],
)
def test_an_app_has_the_options_that_durability_rests_on(app: Celery, option: str, value: object) -> None:
    assert app.conf[option] == value


def test_no_result_is_kept(app: Celery) -> None:
    assert isinstance(app.backend, DisabledBackend)


def test_limits_nest() -> None:
    timeouts = Timeouts()
    seconds = [
        timeouts.call,
        timeouts.visit,
        timedelta(seconds=SOFT_LIMIT),
        timedelta(seconds=HARD_LIMIT),
        timeouts.lease,
        timedelta(seconds=VISIBILITY),
    ]
    assert seconds == sorted(set(seconds))
    assert PATIENCE + timeouts.visit < timedelta(seconds=SOFT_LIMIT)


def test_a_worker_reads_doorbells_and_commands_and_nothing_else(app: Celery) -> None:
    assert set(app.amqp.queues) == {WORK, COMMANDS}
    assert (WORK, COMMANDS) == ("txtproof.work", "txtproof.commands")


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("verification.request_code", WORK),
        ("verification.publish_record", WORK),
        ("verification.check_record", WORK),
        ("verification.withdraw_record", WORK),
        ("verification.sweep", WORK),
        ("verification.request", COMMANDS),
    ],
)
def test_each_task_goes_to_its_queue(app: Celery, task: str, queue: str) -> None:
    assert app.amqp.router.route({}, task)["queue"].name == queue


def test_a_queue_is_bound_as_one_that_a_producer_merely_names(app: Celery) -> None:
    with Celery("elsewhere", set_as_current=False, broker="memory://") as elsewhere:
        named = elsewhere.amqp.router.route({"queue": COMMANDS}, "verification.request")["queue"]
    ours = app.amqp.queues[COMMANDS]
    assert (ours.exchange.name, ours.exchange.type, ours.routing_key) == (
        named.exchange.name,
        named.exchange.type,
        named.routing_key,
    )


def test_beat_keeps_its_schedule_in_memory_and_ticks_each_second(app: Celery) -> None:
    scheduler = Service(app, scheduler_cls=app.conf.beat_scheduler).scheduler
    assert type(scheduler) is Scheduler
    entry = scheduler.schedule["sweep"]
    assert entry.task == "verification.sweep"
    assert entry.schedule == schedule(TICK)
    assert timedelta(seconds=1) == TICK
    assert entry.options == {"expires": STALE, "queue": WORK}
    assert scheduler.max_interval == TICK.total_seconds()
    assert list(scheduler.schedule) == ["sweep"]


def test_redis_gets_names_of_our_own_and_short_waits(app: Celery) -> None:
    options = app.conf.broker_transport_options
    assert options["visibility_timeout"] == VISIBILITY
    assert all(
        options[key].startswith("txtproof.") for key in ("unacked_key", "unacked_index_key", "unacked_mutex_key")
    )
    assert "global_keyprefix" not in options, "the names of queues are a contract"


def test_every_option_of_the_transport_is_one_that_kombu_knows(app: Celery) -> None:
    assert app.conf.broker_transport_options.keys() <= set(Channel.from_transport_options)


def test_rabbitmq_gets_options_that_py_amqp_knows_and_none_of_redis() -> None:
    with made(LEAST | AMQP) as app:
        assert app.conf.broker_url == AMQP["TXTPROOF_BROKER__URL"]
        assert app.conf.broker_transport is None
        assert app.conf.broker_transport_options == {"confirm_publish": True}
        assert app.conf.broker_transport_options.keys() <= set(inspect.signature(Connection).parameters)


def test_celerys_consumer_never_sees_strangers_messages_on_rabbitmq() -> None:
    with made(LEAST | AMQP) as app:
        assert set(app.amqp.queues) == {WORK}


@pytest.mark.parametrize("broker", [{}, AMQP])
def test_bells_do_not_pile_up(broker: dict[str, str]) -> None:
    with made(LEAST | broker) as app:
        bells: Any = app.amqp.queues[WORK]
        assert bells.max_length == BELLS_KEPT
        assert timedelta(seconds=bells.message_ttl) == BELL_WAITS
        assert bells.exchange.delivery_mode == kombu.Exchange.TRANSIENT_DELIVERY_MODE
