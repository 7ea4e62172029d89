"""What outlives its verification, on a real name server: it is told of, and removed when somebody asks for it."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from tests.real_servers import RealServer
from tests.waiting import wait_until
from tests.worker.scene import ORGANIZATION, Scene, scene
from txtproof.adapters.cloud_events import encode
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_store import RedisStore
from txtproof.core.admission import admitted
from txtproof.core.decisions import Decision
from txtproof.core.model import Key, Record, State, Step
from txtproof.core.observations import Attach
from txtproof.core.orders import Request
from txtproof.core.policy import Policy
from txtproof.core.transitions import to_end
from txtproof.core.values import replace
from txtproof.ports import Arrival, Commit

ZONE = "example.test"
GONE = Key(ORGANIZATION, 8)


def leftovers(stage: Scene, *options: str) -> str:
    """Run the command as a person does."""
    environ = os.environ | stage.environ | {"PYTHONPATH": "src"}
    command = [sys.executable, "-m", "txtproof", "leftovers", *options]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


async def given_up(redis_url: str, value: str) -> None:
    """Leave a row whose publisher has been gone for so long that removal was given up."""
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        then = await store.now() - timedelta(days=60)
        born = admitted("v-8", GONE, Request(ZONE), then, Policy())
        assert isinstance(born, Decision)
        await store.accept([Arrival(GONE, Attach(), (born.verification, born.events))])
        (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
        ended = to_end(born.verification, State.CANCELLED, then, None, "")
        await store.commit([Commit(row, 1, replace(ended, ledger=(Record("gone", ZONE, ZONE, value, 1),)))])


def test_a_record_that_was_kept_goes_when_the_policy_has_changed_and_somebody_asks_for_it(
    redis_url: str, bind: RealServer, tmp_path: Path
) -> None:
    before = bind.snapshot(ZONE)
    with scene(redis_url, bind, tmp_path) as stage:
        stage.nexus.register(ORGANIZATION, 7, ZONE)
        stage.send(b'{"organizationId": 42, "domainId": 7}')
        stage.wait_for(7, "verified")
        assert leftovers(stage) == ""
        assert leftovers(stage, "--kept").split()[:3] == ["42/7", "verified", "kept"]
        leftovers(stage, "--kept", "--withdraw")
        wait_until(lambda: not stage.client.exists("txtproof:inbox:42/7"), "the command to be heard")
    assert bind.snapshot(ZONE) != before, "the workers' policy is to keep it"
    assert stage.kinds(7)[-1] == "verified"
    with scene(redis_url, bind, tmp_path) as stage:
        config = Path(stage.environ["TXTPROOF_CONFIG_FILE"])
        # the worker reads it at its start, which this is in time for
        config.write_text(f'[policy]\nrecords = "withdraw"\n\n{config.read_text()}')
        leftovers(stage, "--kept", "--withdraw")
        stage.wait_for(7, "record-removed")
        assert leftovers(stage, "--kept") == ""
    assert bind.snapshot(ZONE) == before
    assert stage.kinds(7).count("record-removed") == 1


def test_what_nobody_removes_any_more_is_told_of_until_somebody_forgets_it(
    redis_url: str, bind: RealServer, tmp_path: Path
) -> None:
    asyncio.run(given_up(redis_url, "code-8"))
    with scene(redis_url, bind, tmp_path) as stage:
        wait_until(lambda: "leftovers: values of 1 verifications" in stage.log.read_text(), "the reminder", 20)
        shown = leftovers(stage)
        assert shown.split(maxsplit=4)[4] == f"{ZONE}  (publisher gone, zone {ZONE})\n"
        leftovers(stage, "--withdraw")
        wait_until(lambda: leftovers(stage) == shown, "the try to have failed")
        leftovers(stage, str(GONE), "--forget")
        wait_until(lambda: not stage.client.exists("txtproof:inbox:42/8"), "the command to be heard")
        assert leftovers(stage) == ""
        assert stage.kinds(8) == ["accepted"]
        assert "code-8" not in stage.log.read_text() + shown
        assert stage.log.read_text().count("leftovers: ") == 1, "by the hour"
