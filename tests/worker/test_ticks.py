"""Ticks: without any the worker looks for itself, and many sweep no more than one does; bells that wait are few."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import celery
import redis

from config.celery_options import BELLS_KEPT, WORK, celery_options
from config.settings import load_settings
from tests.config.giving import LEAST
from tests.real_rabbitmq import RealRabbit
from tests.real_servers import RealServer
from tests.waiting import wait_until
from tests.worker.scene import ORGANIZATION, Scene, scene
from txtproof.core.model import Step


def test_a_worker_without_any_beat_verifies_a_domain_all_the_same(
    redis_url: str, bind: RealServer, tmp_path: Path
) -> None:
    with scene(redis_url, bind, tmp_path, beats=0) as stage:
        stage.nexus.register(ORGANIZATION, 1, "example.test")
        # the command line stores, and rings nobody
        asked = [sys.executable, "-m", "txtproof", "request", "42", "1"]
        subprocess.run(asked, env=os.environ | stage.environ | {"PYTHONPATH": "src"}, capture_output=True, check=True)
        stage.wait_for(1, "verified", 10)
        assert stage.log.read_text().count("does beat run") == 1


def test_five_beats_sweep_no_more_often_than_one(redis_url: str, bind: RealServer, tmp_path: Path) -> None:
    with scene(redis_url, bind, tmp_path, beats=5) as stage:
        wait_until(lambda: sweeps(stage) > 2, "the beats")
        before, began = sweeps(stage), time.monotonic()
        wait_until(lambda: sweeps(stage) >= before + 5, "five sweeps more")
        assert time.monotonic() - began > 3.5
        assert "does beat run" not in stage.log.read_text()


def sweeps(stage: Scene) -> int:
    """Return how often the lanes were looked through, which sweeps alone do where there is no work."""
    counted: Any = stage.client.info("commandstats")
    return int(counted.get("cmdstat_zcount", {"calls": 0})["calls"]) // len(Step)


def test_bells_that_nobody_answers_do_not_pile_up_on_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, sending(redis_url) as app:
        client.lpush(WORK, *["an old one"] * (2 * BELLS_KEPT))
        app.send_task("verification.sweep")
        assert client.llen(WORK) == BELLS_KEPT
        newest: Any = client.lindex(WORK, 0)
        assert b"verification.sweep" in newest


def test_bells_that_nobody_answers_do_not_pile_up_on_rabbitmq(rabbitmq: RealRabbit) -> None:
    with sending(rabbitmq.url) as app:
        for _ in range(BELLS_KEPT + 100):
            app.send_task("verification.sweep")
    assert rabbitmq.depth(WORK) == BELLS_KEPT


def sending(broker: str) -> celery.Celery:
    """Return an app with the options of a beat."""
    app = celery.Celery("txtproof-test", set_as_current=False)
    app.conf.update(celery_options(load_settings(LEAST | {"TXTPROOF_BROKER__URL": broker})))
    return app
