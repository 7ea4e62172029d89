"""`txtproof publishers`, run as a process of its own, with the settings of a worker and real name servers."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import redis

from tests.adapters.middleman import SILENCE, forwarded, is_update, listening
from tests.core.rows import requested, verified
from tests.real_servers import GRANTED, RealServer, served
from tests.waiting import wait_until
from txtproof.adapters.clock import new_id
from txtproof.adapters.cloud_events import encode, encode_credential
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_store import RedisStore
from txtproof.adapters.redis_turns import RedisTurns
from txtproof.core.delays import Served
from txtproof.core.model import Step
from txtproof.core.observations import Attach
from txtproof.ports import Arrival, Commit, Turn, Verdict
from txtproof.rehearsal.valkey import free_port

ROOT = Path(__file__).parents[1]
TXTPROOF = (sys.executable, "-m", "txtproof")
NEXUS_TOKEN, APPLICATION_TOKEN = "hunter2-of-nexus", "hunter3-of-the-application"
PEOPLE = '[[publishers]]\nname = "people"\nkind = "manual"\nzones = ["."]\n'


class Place:
    """A directory with a settings file, and the environment of a worker."""

    def __init__(self, directory: Path, redis_url: str, server: RealServer, *zones: str, at: str = "") -> None:
        self.server = server
        self.file = directory / "settings.toml"
        self.file.write_text(
            f'[[publishers]]\nname = "corp"\nkind = "rfc2136"\nzones = {json.dumps(zones)}\n'
            f'server = "{at or server.server}"\ntsig_name = "{server.tsig_name}"\ntsig_secret = "env:TSIG_SECRET"\n'
            f"calls_per_second = 2.0\ncalls_in_flight = 3\n{PEOPLE}"
        )
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TXTPROOF_")}
        self.environ = kept | {
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "TXTPROOF_REDIS__URL": redis_url,
            "TXTPROOF_NEXUS__BASE_URL": "http://127.0.0.1:1",
            "TXTPROOF_NEXUS__BEARER_TOKEN": NEXUS_TOKEN,
            "TXTPROOF_NEXUS__APPLICATION_TOKEN": APPLICATION_TOKEN,
            "TXTPROOF_DNS__RESOLVERS": json.dumps([server.server]),
            "TXTPROOF_DNS__AUTHORITATIVE_PORT": str(server.port),
            "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS": "true",
            "TXTPROOF_CONFIG_FILE": str(self.file),
            "TSIG_SECRET": server.tsig_secret,
            "PYTHONUNBUFFERED": "1",
        }

    def run(self, *arguments: str, without: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command; no secret may be in what it says."""
        environ = {name: value for name, value in (self.environ | more).items() if name != without}
        done = subprocess.run(
            [*TXTPROOF, "publishers", *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert "Traceback" not in done.stderr
        for secret in (environ.get("TSIG_SECRET", self.server.tsig_secret), NEXUS_TOKEN, APPLICATION_TOKEN):
            assert secret not in done.stdout + done.stderr
        return done

    def told(self, *arguments: str, **more: str) -> tuple[int, list[dict[str, Any]]]:
        """Return the exit code, and each line of JSON."""
        done = self.run(*arguments, "--json", **more)
        assert done.stderr == ""
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(params=["bind", "knot"])
def place(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Place:
    return Place(tmp_path, redis_url, request.getfixturevalue(request.param), "example.test", "other.test")


def steps(told: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return [(one["step"], one["outcome"], one["reason"]) for one in told]


def learn(url: str, name: str, seconds: float) -> None:
    """Leave a publication of a publisher in the store."""

    async def store() -> None:
        async with open_redis(url) as client:
            store, v = RedisStore(client, encode), verified()
            await store.accept([Arrival(v.key, Attach(), (requested(), ()))])
            (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
            await store.commit([Commit(row, 1, v, served=Served(name, timedelta(seconds=seconds)))])
            await client.delete("txtproof:v:42/7")

    asyncio.run(store())


def refuse(url: str, calls: int = 1) -> None:
    """Have calls of corp under way, and its credential refused by one more."""

    async def take() -> None:
        async with open_redis(url) as client:
            turns = RedisTurns(client, encode_credential, {}, new_id)
            taken = [await turns.take("publisher:corp", Step.PUBLISH_RECORD) for _ in range(calls + 1)]
            assert isinstance(taken[0], Turn)
            await turns.give_back(taken[0], Verdict.REFUSED)

    asyncio.run(take())


def test_each_publisher_is_listed_with_what_is_configured_and_what_is_known(knot_place: Place, redis_url: str) -> None:
    learn(redis_url, "corp", 1.25)
    refuse(redis_url, 2)
    lines = knot_place.run().stdout.splitlines()
    assert lines[0] == "corp (rfc2136) writes example.test, other.test"
    assert lines[1] == "  capabilities: atomic_swap, per_value"
    assert re.fullmatch(
        r"  credential: refused, tried again at \S+Z; calls in flight: 2 of 3; its line: 0\.\d s", lines[2]
    )
    assert lines[3] == "  served after 1.2 s (median), 1.2 s (p95); publications: 1"
    assert lines[4:6] == ["people (manual) writes all other zones", "  capabilities: none, nothing is written"]
    code, told = knot_place.told()
    assert code == 0
    corp, people = told
    credential = corp.pop("credential")
    assert corp == {
        "publisher": "corp",
        "kind": "rfc2136",
        "zones": ["example.test", "other.test"],
        "capabilities": ["atomic_swap", "per_value"],
        "checkDelegation": True,
        "publications": 1,
        "medianSeconds": 1.2,
        "p95Seconds": 1.2,
    }
    assert (credential["refused"], credential["callsInFlight"], credential["mostCallsInFlight"]) == (True, 2, 3)
    assert credential["triedAgain"].endswith("Z")
    assert (people["zones"], people["medianSeconds"], people["checkDelegation"]) == (["."], None, False)
    assert people["credential"]["refused"] is False


@pytest.fixture
def knot_place(tmp_path: Path, redis_url: str, knot: RealServer) -> Place:
    return Place(tmp_path, redis_url, knot, "example.test", "other.test")


def test_one_that_is_configured_no_more_is_remembered_and_steers_no_terminal(knot_place: Place, redis_url: str) -> None:
    learn(redis_url, "\x1b[2J", 3601)
    done = knot_place.run(without="TXTPROOF_CONFIG_FILE")
    assert done.returncode == 0
    assert done.stderr == "No publisher is configured here: name the settings file in TXTPROOF_CONFIG_FILE.\n"
    assert done.stdout.splitlines() == [
        "\\x1b[2J: not configured here",
        "  served after 3,601.0 s (median), 3,601.0 s (p95); publications: 1",
    ]


def test_without_redis_what_is_configured_is_listed_all_the_same(knot_place: Place) -> None:
    port = free_port()
    done = knot_place.run(TXTPROOF_REDIS__URL=f"redis://:hunter4@127.0.0.1:{port}/0")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "corp (rfc2136) writes example.test, other.test",
        "  capabilities: atomic_swap, per_value",
        "people (manual) writes all other zones",
        "  capabilities: none, nothing is written",
    ]
    assert done.stderr.startswith(f"Error: Redis at 127.0.0.1:{port}: ConnectionError: ")
    assert done.stderr.endswith("what is known of credentials and delays is not shown; check TXTPROOF_REDIS__URL\n")
    assert "hunter4" not in done.stderr


def test_settings_that_are_wrong_are_named_and_end_with_2(knot_place: Place) -> None:
    done = knot_place.run(without="TSIG_SECRET")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: the settings are wrong:\n" in done.stderr
    assert "TSIG_SECRET" in done.stderr


@pytest.mark.parametrize("arguments", [["check", "a..b"], ["check", "bücher.test"], ["check", "x" * 64 + ".test"]])
def test_what_is_no_name_ends_with_2(knot_place: Place, arguments: list[str]) -> None:
    done = knot_place.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert " is no name of a record: write it in A-labels, such as _label.example.com" in done.stderr


def test_a_check_needs_settings(knot_place: Place) -> None:
    done = knot_place.run("check", "example.test", without="TXTPROOF_CONFIG_FILE")
    assert (done.returncode, done.stdout) == (2, "")
    assert "name the settings file in TXTPROOF_CONFIG_FILE" in done.stderr


def test_a_credential_that_may_do_all_is_said_to_and_the_zone_is_as_it_was(place: Place) -> None:
    before = place.server.snapshot("example.test")
    # the server lives on: other tests may have left a record that is kept
    _, there = served(place.server.address, place.server.port, "example.test")
    lines = place.run("check", "example.test").stdout.splitlines()
    assert lines[:2] == [
        "ok      example.test is written by corp (rfc2136), in the zone example.test",
        f"ok      it may read TXT at example.test; values there: {len(there)}",
    ]
    label = r"txtproof-check-[0-9a-f]{12}\.example\.test"
    assert re.fullmatch(rf"ok      it may write TXT at {label}", lines[2])
    assert lines[3] == "ok      what was written is read back"
    assert re.fullmatch(rf"ok      it may remove it: {label} is as it was", lines[4])
    assert len(lines) == 5
    code, told = place.told("check", "_Verify.Example.Test.")
    assert code == 0
    assert [(step, outcome) for step, outcome, _ in steps(told)] == [
        (step, "done") for step in ("route", "read", "write", "read_back", "remove")
    ]
    assert place.server.snapshot("example.test") == before


def test_an_alias_is_tried_where_it_leads(place: Place) -> None:
    place.server.put("example.test", "_led.example.test", "CNAME", 60, "_proof.other.test.")
    try:
        code, told = place.told("check", "_led.example.test")
    finally:
        place.server.put("example.test", "_led.example.test", "CNAME", 60)
    assert code == 0
    assert told[0]["sentence"] == (
        "_led.example.test is written as _proof.other.test, which it is an alias of, by corp (rfc2136), "
        "in the zone other.test"
    )
    assert told[2]["sentence"].endswith("._proof.other.test")


def test_a_credential_for_one_name_alone_is_told_what_that_means(
    tmp_path: Path, redis_url: str, bind: RealServer
) -> None:
    place = Place(tmp_path, redis_url, bind, "sub.example.test")
    before = bind.snapshot("sub.example.test")
    code, told = place.told("check", GRANTED)
    assert code == 1
    assert steps(told) == [
        ("route", "done", None),
        ("read", "done", None),
        ("write", "refused", "publisher_refused"),
    ]
    assert re.match(rf"it may not write txtproof-check-\w+\.{re.escape(GRANTED)}: ", told[2]["sentence"])
    assert told[2]["sentence"].endswith(
        f"A credential for {GRANTED} alone is refused here, and may write that all the same."
    )
    assert bind.snapshot("sub.example.test") == before


def test_a_wrong_secret_is_refused(place: Place) -> None:
    code, told = place.told("check", "_verify.example.test", TSIG_SECRET=b64encode(b"quite another secret").decode())
    assert code == 1
    assert steps(told)[-1] == ("write", "refused", "publisher_auth")
    assert "check tsig_secret" in told[-1]["sentence"]


def test_a_zone_that_public_dns_does_not_lead_to_is_not_tried(place: Place) -> None:
    code, told = place.told("check", "_verify.delegated.example.test")
    assert code == 1
    assert steps(told) == [("route", "refused", "not_delegated")]
    assert "delegated.example.test, which is delegated to ns.elsewhere.test, and not in" in told[0]["sentence"]


def test_a_server_that_is_away_ends_with_3(tmp_path: Path, redis_url: str, knot: RealServer) -> None:
    place = Place(tmp_path, redis_url, knot, "example.test", at=f"127.0.0.1:{free_port()}")
    code, told = place.told("check", "_verify.example.test")
    assert code == 3
    assert steps(told)[1:] == [
        ("read", "skipped", None),
        ("write", "unreached", "publisher_unreachable"),
        ("remove", "unreached", "publisher_unreachable"),
    ]
    assert re.search(
        r"a TXT record may still stand at txtproof-check-\w+\._verify\.example\.test, remove it", told[3]["sentence"]
    )


def test_where_a_person_writes_there_is_nothing_to_try(knot_place: Place) -> None:
    knot_place.file.write_text(knot_place.file.read_text().replace('"example.test", "other.test"', '"other.test"'))
    code, told = knot_place.told("check", "_x.example.test")
    assert code == 0
    assert steps(told) == [("route", "done", None), ("read", "skipped", None), ("write", "skipped", None)]


@contextmanager
def holding(server: RealServer) -> Iterator[tuple[str, Event]]:
    """Stand before a server: the first update takes effect there, and its answer never comes."""
    held, ended, address = Event(), asyncio.Event(), list[str]()
    loop = asyncio.new_event_loop()
    ready = Event()

    async def treat(wire: bytes) -> bytes | None:
        answer = await forwarded(wire, server.server)
        if is_update(wire) and not held.is_set():
            held.set()
            return SILENCE
        return answer

    async def stand() -> None:
        async with listening(treat) as there:
            address.append(there)
            ready.set()
            await ended.wait()

    thread = Thread(target=loop.run_until_complete, args=(stand(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield address[0], held
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def test_ctrl_c_removes_what_was_written(tmp_path: Path, redis_url: str, knot: RealServer) -> None:
    before = knot.snapshot("example.test")
    with holding(knot) as (address, held):
        place = Place(tmp_path, redis_url, knot, "example.test", at=address)
        running = subprocess.Popen(
            [*TXTPROOF, "publishers", "check", "example.test"],
            env=place.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with running:
            assert held.wait(30)
            wait_until(lambda: len(knot.snapshot("example.test")) > len(before), "the record")
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 130
            assert running.stdout is not None
            assert running.stderr is not None
            said = running.stdout.read().splitlines()
            assert running.stderr.read().strip() == ""
    assert re.fullmatch(r"ok      it may remove it: txtproof-check-\w+\.example\.test is as it was", said[-1])
    assert knot.snapshot("example.test") == before


def test_the_store_is_not_written_by_a_check(knot_place: Place, redis_url: str) -> None:
    assert knot_place.told("check", "_quiet.example.test")[0] == 0
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == []
