"""The store goes away and comes back: workers and beats outlive that, and go on unaided."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.real_servers import RealServer
from tests.waiting import wait_until
from tests.worker.scene import ORGANIZATION, scene
from txtproof.rehearsal.nexus import Answer
from txtproof.rehearsal.valkey import EmbeddedValkey


@pytest.mark.usefixtures("valkey")
def test_a_worker_outlives_its_store_with_bells_unanswered(bind: RealServer, tmp_path: Path) -> None:
    with EmbeddedValkey() as store, scene(store.url, bind, tmp_path) as stage:
        for number in range(1, 9):
            stage.nexus.register(ORGANIZATION, number, "example.test")
            stage.nexus.script(ORGANIZATION, number, Answer(after=timedelta(seconds=3)))
            stage.send(b'{"organizationId": 42, "domainId": %d}' % number)
        wait_until(lambda: len(stage.nexus.calls) == 8, "the calls to be under way")
        store.kill()
        wait_until(lambda: "the store" in stage.log.read_text(), "the worker to feel it")
        store.start()
        back = time.monotonic()
        for number in range(1, 9):
            stage.wait_for(number, "accepted", 15)
        stage.nexus.register(ORGANIZATION, 9, "example.test")
        stage.send(b'{"organizationId": 42, "domainId": 9}')
        stage.wait_for(9, "verified", 15)
        assert time.monotonic() - back < 15
        assert stage.worker.poll() is None
