"""lexicon's powerdns, on a real PowerDNS: the seven rules, and what it answers where something is wrong."""

import asyncio
import gzip
import hashlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from pydantic import SecretStr

from tests.publishers.powerdns_api import RunningPowerDns, running_powerdns
from tests.publishers.stand_in import Asked, Said, StandIn, standing_in
from tests.real_processes import free_port
from tests.real_servers import RealServer
from tests.worker.scene import ORGANIZATION, Scene
from txtproof.adapters.publishers.lexicon.http import THREADS
from txtproof.adapters.publishers.lexicon.options import LexiconOptions
from txtproof.adapters.publishers.lexicon.publisher import AT_ONCE, ATTEMPTS
from txtproof.adapters.publishers.lexicon.rules import fits
from txtproof.adapters.publishers.locked import locked
from txtproof.core.observations import Ambiguous, Blocked, PublishAnswer, Published, Unreachable
from txtproof.core.reasons import Reason
from txtproof.ports import Publisher
from txtproof.rehearsal.nexus import NexusStandIn
from txtproof.rehearsal.processes import Celery
from txtproof.testing.locks import MemoryLocks
from txtproof.testing.publisher_contract import SPF, PublisherContract, World


@pytest.fixture(scope="module")
def powerdns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPowerDns]:
    with running_powerdns(tmp_path_factory.mktemp("powerdns")) as server:
        yield server


def options(server: RunningPowerDns, *, key: str = "", url: str = "", seconds: float = 20) -> LexiconOptions:
    settings = {"pdns_server": url or server.url, "auth_token": SecretStr(key or server.api_key)}
    return LexiconOptions("theirs", (server.zone,), "powerdns", settings, timedelta(seconds=seconds))


class TestLexiconPowerDns(PublisherContract):
    @pytest.fixture
    def world(self, powerdns: RunningPowerDns) -> World:
        locks = MemoryLocks()

        def opened() -> Publisher:
            return locked(options(powerdns).open(), "theirs", locks)

        return World(powerdns.zone, powerdns, opened, takes=fits)


NAME = "n.example.test"
WHO = "lexicon's powerdns"


async def said(given: LexiconOptions, value: bytes = b"code-new", *replaces: bytes, name: str = NAME) -> PublishAnswer:
    """Have a value published; return the answer."""
    publisher = given.open()
    try:
        return await publisher.ensure_txt(given.zones[0], name, value, 60, replaces)
    finally:
        await publisher.aclose()


# On the real server


async def test_a_wrong_key_is_a_matter_of_the_credential(powerdns: RunningPowerDns) -> None:
    answer = await said(options(powerdns, key="hunter2"))
    assert answer == Blocked(Reason.PUBLISHER_AUTH, f"{WHO} answered 401")


async def test_a_zone_that_is_not_there_is_told(powerdns: RunningPowerDns) -> None:
    given = options(powerdns)
    publisher = given.open()
    told = Blocked(Reason.NO_ZONE, f"{WHO} answered 404")
    assert await publisher.ensure_txt("absent.test", "n.absent.test", b"code", 60) == told
    assert await publisher.remove_txt("absent.test", "n.absent.test", b"code") == told
    assert await publisher.read_txt("absent.test", "n.absent.test") is None
    await publisher.aclose()


async def test_a_zone_below_another_is_the_zone_that_is_written(powerdns: RunningPowerDns) -> None:
    """What lexicon guesses would be the zone above."""
    child = f"child.{powerdns.zone}"
    powerdns.api("POST", "/zones", {"name": f"{child}.", "kind": "Native", "nameservers": [f"ns.{child}."]})
    before = powerdns.snapshot()
    publisher = options(powerdns).open()
    assert await publisher.ensure_txt(child, f"n.{child}", b"code", 60) == Published()
    assert await publisher.read_txt(child, f"n.{child}") == [b"code"]
    assert powerdns.snapshot() == before
    assert powerdns.values(f"n.{child}") == (60, [b"code"])
    await publisher.aclose()
    powerdns.api("DELETE", f"/zones/{child}.")


async def test_an_alias_at_the_name_is_told(powerdns: RunningPowerDns) -> None:
    powerdns.write(f"alias.{powerdns.zone}", "CNAME", 300, "www.example.test")
    answer = await said(options(powerdns), name=f"alias.{powerdns.zone}")
    assert answer == Blocked(Reason.NAME_IS_CNAME, f"alias.{powerdns.zone} is a CNAME")


async def test_a_server_that_is_not_there_is_called_again(powerdns: RunningPowerDns) -> None:
    answer = await said(options(powerdns, url=f"http://127.0.0.1:{free_port('127.0.0.1')}"))
    assert answer == Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} cannot be connected to")


# Somebody else writes at the worst moment


@contextmanager
def meddling(server: RunningPowerDns, meddle: Callable[[], None]) -> Iterator[StandIn]:
    """Stand between publisher and server; after each write, somebody else writes too."""

    def answering(asked: Asked) -> Said:
        headers = {"X-API-Key": asked.headers["X-API-Key"], "Content-Type": "application/json"}
        url = f"{server.url}{asked.path}"
        answer = httpx.request(asked.method, url, content=asked.body, headers=headers, trust_env=False)
        if asked.method == "PATCH":
            meddle()
        return Said(answer.status_code, answer.content)

    with standing_in(answering) as between:
        yield between


def sha(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()[:16]


@pytest.mark.parametrize("what", ["gone", "another TTL", "another text"])
async def test_a_neighbour_that_goes_meanwhile_stops_everything_and_is_kept_in_the_log(
    powerdns: RunningPowerDns, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"lost-{sha(what.encode())}.{powerdns.zone}"
    powerdns.put(name, 300, [SPF], [b"neighbour"], [b"code-old"])

    def meddle() -> None:
        ttl = 30 if what == "another TTL" else 300
        texts = {"gone": [], "another TTL": [[b"neighbour"]], "another text": [[b"Neighbour"]]}[what]
        powerdns.put(name, ttl, [SPF], *texts, [b"code-old"], [b"code-new"])

    with meddling(powerdns, meddle) as between:
        answer = await said(options(powerdns, url=between.url), b"code-new", b"code-old", name=name)
    lost = 2 if what == "another TTL" else 1
    told = f"{WHO}: {lost} of 2 TXT values of others at {name} are gone or changed; the log says which"
    assert answer == Blocked(Reason.NEIGHBOUR_LOST, told)
    assert b"code-old" in powerdns.values(name)[1], "it stopped before the next step"
    (record,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    line = record.getMessage()
    before, after = line.partition("; after: ")[::2]
    assert f"{name} 300 9 bytes sha256:{sha(b'neighbour')}" in before
    assert f"{name} 300 {len(SPF)} bytes sha256:{sha(SPF)}" in before
    assert (f"300 9 bytes sha256:{sha(b'neighbour')}" in after) is False
    for code in (b"code-new", b"code-old"):
        assert code.decode() not in line
        assert sha(code) not in line


async def test_a_neighbour_that_goes_during_a_removal_is_told_too(powerdns: RunningPowerDns) -> None:
    name = f"lost-removal.{powerdns.zone}"
    powerdns.put(name, 300, [SPF], [b"code"])
    with meddling(powerdns, lambda: powerdns.put(name, 300)) as between:
        publisher = options(powerdns, url=between.url).open()
        answer = await publisher.remove_txt(powerdns.zone, name, b"code")
        await publisher.aclose()
    assert isinstance(answer, Blocked)
    assert answer.reason is Reason.NEIGHBOUR_LOST


async def test_a_neighbour_that_comes_meanwhile_is_welcome(powerdns: RunningPowerDns) -> None:
    name = f"come.{powerdns.zone}"
    powerdns.put(name, 300, [SPF])
    with meddling(powerdns, lambda: powerdns.put(name, 300, [SPF], [b"code-new"], [b"another"])) as between:
        assert await said(options(powerdns, url=between.url), name=name) == Published()
    assert powerdns.values(name)[1] == sorted([SPF, b"code-new", b"another"])


async def test_a_value_that_somebody_takes_away_again_and_again_is_a_conflict(powerdns: RunningPowerDns) -> None:
    name = f"taken.{powerdns.zone}"
    with meddling(powerdns, lambda: powerdns.put(name, 300)) as between:
        answer = await said(options(powerdns, url=between.url), name=name)
    assert answer == Unreachable(Reason.CONFLICT, f"{WHO}: what stands at {name} is not what was written")
    assert sum(one.method == "PATCH" for one in between.asked) == ATTEMPTS


# What a server may answer


ZONE_DATA = {"kind": "Native", "rrsets": []}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Said(401), Blocked(Reason.PUBLISHER_AUTH, f"{WHO} answered 401")),
        (Said(403), Blocked(Reason.PUBLISHER_REFUSED, f"{WHO} answered 403")),
        (Said(404), Blocked(Reason.NO_ZONE, f"{WHO} answered 404")),
        (Said(422), Blocked(Reason.PUBLISHER_REFUSED, f"{WHO} answered 422")),
        (Said(409), Unreachable(Reason.CONFLICT, f"{WHO} answered 409")),
        (
            Said(429, headers={"Retry-After": "30"}),
            Unreachable(Reason.RATE_LIMITED, f"{WHO} answered 429", timedelta(seconds=30)),
        ),
        (Said(429), Unreachable(Reason.RATE_LIMITED, f"{WHO} answered 429")),
        (Said(500), Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} answered 500")),
        (Said(503), Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} answered 503")),
        (
            Said(302, headers={"Location": "http://127.0.0.1:9/"}),
            Blocked(Reason.PUBLISHER_REFUSED, f"{WHO} answered 302"),
        ),
        (Said(200, b"no json"), Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} raised JSONDecodeError")),
        (Said(200, b"[]"), Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} raised TypeError")),
        (
            Said(
                200,
                b'{"rrsets": [{"name": "n.example.test.", "type": "TXT", "ttl": "60", "records": [{"content": "a"}]}]}',
            ),
            Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} raised Malformed"),
        ),
        (
            Said(200, iter([b"["] + [b" " * 65536] * 129)),
            Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} raised Oversized"),
        ),
        (
            Said(200, gzip.compress(b" " * 20_000_000), {"Content-Encoding": "gzip"}),
            Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} raised Oversized"),
        ),
    ],
    ids=lambda one: str(one.status) if isinstance(one, Said) else "",
)
async def test_what_a_server_answers_is_told_by_status_and_type_alone(
    powerdns: RunningPowerDns, answer: Said, told: PublishAnswer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login hunter2 password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with standing_in(lambda _: answer) as server:
        assert await said(options(powerdns, url=server.url)) == told
    assert all("Authorization" not in one.headers for one in server.asked)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (422, Blocked(Reason.PUBLISHER_REFUSED, f"{WHO} answered 422")),
        (500, Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} answered 500")),
    ],
)
async def test_a_write_that_is_refused_is_told(powerdns: RunningPowerDns, status: int, told: PublishAnswer) -> None:
    def answering(asked: Asked) -> Said:
        return Said(200, json.dumps(ZONE_DATA).encode()) if asked.method == "GET" else Said(status, b"code-new")

    with standing_in(answering) as server:
        assert await said(options(powerdns, url=server.url)) == told


# Time


@dataclass
class Slow:
    """A server that reads well and hangs at writes, or drips; `let_go` ends that."""

    hangs_at: str
    drips: bool = False
    let_go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, asked: Asked) -> Said:
        if asked.method != self.hangs_at:
            return Said(200, json.dumps(ZONE_DATA).encode())
        if self.drips:
            return Said(200, self._drops())
        self.let_go.wait(20)
        return Said(200, json.dumps(ZONE_DATA).encode())

    def _drops(self) -> Iterator[bytes]:
        while not self.let_go.wait(0.05):
            yield b" "


async def until_its_threads_have_ended() -> None:
    """Wait, for a second at the most."""
    async with asyncio.timeout(1):
        while any(one.name.startswith(THREADS) for one in threading.enumerate()):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("drips", [False, True], ids=["hangs", "drips"])
@pytest.mark.parametrize("hangs_at", ["GET", "PATCH"])
async def test_a_server_that_does_not_answer_is_left_in_time(
    powerdns: RunningPowerDns, hangs_at: str, drips: bool
) -> None:
    slow = Slow(hangs_at, drips)
    with standing_in(slow) as server:
        began = time.monotonic()
        answer = await said(options(powerdns, url=server.url, seconds=1))
        took = time.monotonic() - began
        await until_its_threads_have_ended()
        slow.let_go.set()
    kind = Unreachable if hangs_at == "GET" else Ambiguous
    assert answer == kind(Reason.PUBLISHER_UNREACHABLE, f"{WHO} gave no answer in time")
    assert took < 1.2
    assert [one.method for one in server.asked] == (["GET"] if hangs_at == "GET" else ["GET", "PATCH"])


async def test_calls_that_find_no_free_thread_end_in_time_too(powerdns: RunningPowerDns) -> None:
    slow = Slow("GET")
    with standing_in(slow) as server:
        publisher = options(powerdns, url=server.url, seconds=1).open()
        began = time.monotonic()
        calls = (publisher.ensure_txt(powerdns.zone, NAME, b"code", 60) for _ in range(3 * AT_ONCE))
        answers = await asyncio.gather(*calls)
        took = time.monotonic() - began
        slow.let_go.set()
        await publisher.aclose()
    assert set(answers) == {Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{WHO} gave no answer in time")}
    assert took < 1.5


async def test_a_cancelled_call_sends_nothing_more_and_waits_for_what_is_under_way(powerdns: RunningPowerDns) -> None:
    slow = Slow("PATCH")
    with standing_in(slow) as server:
        call = asyncio.ensure_future(said(options(powerdns, url=server.url), b"code-new", b"code-old"))
        while "PATCH" not in [one.method for one in server.asked]:
            await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.wait([call], timeout=0.1)
        assert not call.done()
        slow.let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await call
        asked = list(server.asked)
    assert [one.method for one in asked] == ["GET", "PATCH"]


# Secrets, and what else must not be


async def test_neither_key_nor_value_is_ever_told(powerdns: RunningPowerDns, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    name = f"quiet.{powerdns.zone}"
    powerdns.put(name, 300, [b"hunter2-neighbour"])
    given = options(powerdns)
    told: list[object] = [given, repr(given), await said(given, b"hunter2-code", b"hunter2-old", name=name)]
    publisher = given.open()
    told += [publisher, await publisher.remove_txt(powerdns.zone, name, b"hunter2-code")]
    await publisher.aclose()
    echo = Said(400, json.dumps({"error": f"{powerdns.api_key} hunter2-code"}).encode())
    for answer in (echo, Said(200, f'"{powerdns.api_key} hunter2-code"'.encode())):
        with standing_in(partial(saying, answer)) as server:
            told.append(await said(options(powerdns, url=f"{server.url}/"), b"hunter2-code", name=name))
    whole = f"{told!r} {[str(one) for one in told]} {caplog.text} {[vars(one) for one in caplog.records]}"
    for secret in (powerdns.api_key, "hunter2"):
        assert secret not in whole
    assert not [one for one in caplog.records if str(one.threadName).startswith(THREADS)]
    with meddling(powerdns, lambda: None) as between:
        # others who use the same libraries keep their logs
        url, headers = f"{between.url}/api/v1/servers", {"X-API-Key": powerdns.api_key}
        await asyncio.to_thread(requests.get, url, headers=headers, timeout=5)
    assert "urllib3.connectionpool" in {one.name for one in caplog.records}


def saying(answer: Said, _: Asked) -> Said:
    return answer


def left_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def test_nobody_but_the_provider_is_spoken_to(
    powerdns: RunningPowerDns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LEXICON_POWERDNS_AUTH_TOKEN", "hunter2")
    monkeypatch.setenv("LEXICON_DELEGATED", "hunter2.test")
    spoken_to: set[object] = set()
    connect = socket.socket.connect

    def connecting(self: socket.socket, address: Any) -> None:
        spoken_to.add(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connecting)
    with monkeypatch.context() as inside:
        inside.setattr(socket.socket, "sendto", None)
        assert await said(options(powerdns), name=f"spoken.{powerdns.zone}") == Published()
    assert spoken_to == {("127.0.0.1", httpx.URL(powerdns.url).port)}
    assert left_in(tmp_path) == [], "lexicon's Client keeps its list of suffixes there"


def test_the_requests_of_others_are_as_they_were(powerdns: RunningPowerDns) -> None:
    before = dict(vars(requests)), dict(vars(requests.Session))
    options(powerdns).open()
    assert (dict(vars(requests)), dict(vars(requests.Session))) == before


# In a worker


def test_a_worker_publishes_through_lexicon_and_tells_no_secret(
    redis_url: str, powerdns: RunningPowerDns, tmp_path: Path
) -> None:
    powerdns.write(f"ns1.{powerdns.zone}", "A", 300, "127.0.0.1")
    name = f"working.{powerdns.zone}"
    powerdns.put(name, 300, [SPF])
    with NexusStandIn() as nexus, ExitStack() as running:
        stage = Scene(redis_url, nexus, RealServer(powerdns.server.port, "dW51c2Vk"), tmp_path, "bearer")
        running.enter_context(stage.client)
        Path(stage.environ["TXTPROOF_CONFIG_FILE"]).write_text(
            f'[[publishers]]\nname = "theirs"\nkind = "lexicon"\nzones = ["{powerdns.zone}"]\nprovider = "powerdns"\n'
            f'settings = {{ pdns_server = "{powerdns.url}", auth_token = "env:PDNS_KEY" }}\n'
        )
        environ = stage.environ | {"PDNS_KEY": powerdns.api_key, "TXTPROOF_WORKER__LOG_LEVEL": "DEBUG"}
        for what in ("worker", "beat"):
            running.enter_context(Celery(what, environ, stage.log))
        nexus.register(ORGANIZATION, 1, name)
        stage.send(b'{"organizationId": 42, "domainId": 1}')
        stage.wait_for(1, "verified")
        (code,) = (one.code for codes in nexus.issued.values() for one in codes)
        assert powerdns.values(name) == (300, sorted([SPF, code.encode()]))
        told = stage.log.read_text() + str(stage.events())
    for secret in (powerdns.api_key, code):
        assert secret not in told
