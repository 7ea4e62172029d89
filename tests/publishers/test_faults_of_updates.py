"""What real servers answer to a publisher whose key, clock, rights or connection is not as hoped."""

import asyncio
import json
import logging
import os
import secrets
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.adapters.middleman import SILENCE, forwarded, is_update, listening
from tests.publishers.mortal import Mortal, mortal
from tests.publishers.updates import ZONE, opened
from tests.real_processes import need
from tests.real_servers import GRANTED, IDLE_KEY, KEYS, RealServer
from txtproof.core.observations import Ambiguous, Blocked, Published, Withdrawn
from txtproof.core.reasons import Reason

SERVERS = ["bind", "knot", "powerdns"]
SPF = b"v=spf1 -all"
CODE = b"the-code-that-must-never-be-shown"


@pytest.fixture(params=SERVERS)
def real(request: pytest.FixtureRequest) -> RealServer:
    found: RealServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def name() -> str:
    return f"n{secrets.token_hex(6)}.{ZONE}"


def secret(server: RealServer) -> SecretStr:
    return SecretStr(server.tsig_secret)


# The key


@pytest.mark.parametrize("key", KEYS.items(), ids=KEYS.values())
async def test_each_algorithm_writes_and_reads(real: RealServer, name: str, key: tuple[str, str]) -> None:
    publisher = opened(real.server, secret(real), key=key)
    assert await publisher.ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert await publisher.read_txt(ZONE, name) == [CODE]
    assert await publisher.remove_txt(ZONE, name, CODE) == Withdrawn()
    assert real.values(name) == (None, [])


async def test_a_key_of_another_algorithm_is_a_matter_for_a_person(real: RealServer, name: str) -> None:
    answer = await opened(real.server, secret(real), key=("tsig-test", "hmac-sha512")).ensure_txt(ZONE, name, CODE, 60)
    assert isinstance(answer, Blocked)
    assert answer.reason is Reason.PUBLISHER_AUTH
    assert "tsig_algorithm" in answer.detail
    assert real.values(name) == (None, [])


# The clock


@pytest.mark.parametrize("offset", ["+3600s", "-3600s"])
def test_clocks_that_disagree_are_called_that(real: RealServer, name: str, offset: str) -> None:
    """Ours is wrong: BIND does not start under libfaketime."""
    preloaded = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    need(preloaded is not None, "libfaketime", "faketime")
    told = subprocess.run(
        [sys.executable, "-m", "tests.publishers.elsewhen", real.server, ZONE, name],
        env={**os.environ, "LD_PRELOAD": str(preloaded), "FAKETIME": offset, "PYTHONPATH": os.pathsep.join(sys.path)},
        input=real.tsig_secret,
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    )
    for reason, detail in json.loads(told.stdout):
        assert reason == Reason.PUBLISHER_AUTH
        assert "clock" in detail
        assert len(detail) <= 200
    assert real.tsig_secret not in told.stdout + told.stderr
    assert real.values(name) == (None, [])


# The rights


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ("bind", Reason.PUBLISHER_REFUSED),
        # Knot knows a key only where a rule of the zone names it
        ("knot", Reason.PUBLISHER_AUTH),
        ("powerdns", Reason.PUBLISHER_REFUSED),
    ],
)
async def test_a_key_that_may_not_write_the_zone_is_refused(
    request: pytest.FixtureRequest, name: str, server: str, reason: Reason
) -> None:
    real: RealServer = request.getfixturevalue(server)
    answer = await opened(real.server, secret(real), key=(IDLE_KEY, "hmac-sha256")).ensure_txt(ZONE, name, CODE, 60)
    assert isinstance(answer, Blocked)
    assert answer.reason is reason
    assert real.values(name) == (None, [])


@pytest.mark.parametrize("server", ["bind", "knot"])
async def test_a_key_may_be_held_to_one_name(request: pytest.FixtureRequest, server: str) -> None:
    real: RealServer = request.getfixturevalue(server)
    publisher, zone = opened(real.server, secret(real)), f"sub.{ZONE}"
    before = real.snapshot(zone)
    answer = await publisher.ensure_txt(zone, f"elsewhere.{zone}", CODE, 60)
    assert isinstance(answer, Blocked)
    assert answer.reason is Reason.PUBLISHER_REFUSED
    assert await publisher.ensure_txt(zone, GRANTED, CODE, 60) == Published(changed=True)
    assert await publisher.ensure_txt(zone, GRANTED, b"next", 60, [CODE]) == Published(changed=True)
    assert await publisher.remove_txt(zone, GRANTED, b"next") == Withdrawn()
    assert real.snapshot(zone) == before


# The server goes away


@pytest.fixture(params=SERVERS)
def doomed(request: pytest.FixtureRequest) -> Iterator[Mortal]:
    """A server of this test alone."""
    with mortal(request.param) as server:
        yield server


@pytest.mark.parametrize("applied", [True, False], ids=["with it in the journal", "before it has read it"])
async def test_a_server_that_dies_with_an_update_is_in_doubt_and_a_repeat_repairs_it(
    doomed: Mortal, name: str, applied: bool
) -> None:
    real = doomed.server
    real.put(ZONE, name, "TXT", 300, f'"{SPF.decode()}"', '"old"')
    before = real.snapshot(ZONE)

    async def die_of_an_update(wire: bytes) -> bytes | None:
        if not is_update(wire):
            return await forwarded(wire, real.server)
        if applied:
            await forwarded(wire, real.server)
        await asyncio.to_thread(doomed.kill)
        raise EOFError

    async with listening(die_of_an_update) as between:
        answer = await opened(between, secret(real)).ensure_txt(ZONE, name, CODE, 60, [b"old"])
    assert isinstance(answer, Ambiguous)
    assert answer.reason is Reason.PUBLISHER_UNREACHABLE
    await asyncio.to_thread(doomed.start)
    publisher = opened(real.server, secret(real))
    assert await publisher.ensure_txt(ZONE, name, CODE, 60, [b"old"]) == Published(changed=not applied)
    assert real.values(name) == (300, sorted([SPF, CODE]))
    assert await publisher.ensure_txt(ZONE, name, b"old", 60, [CODE]) == Published(changed=True)
    assert real.snapshot(ZONE) == before


# What is told of all this


async def test_no_secret_and_no_value_is_told(real: RealServer, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = SecretStr(b64encode(secrets.token_bytes(32)).decode())

    async def fall_silent(wire: bytes) -> bytes | None:
        return SILENCE

    told: list[object] = []
    async with listening(fall_silent) as silent:
        for publisher in (
            opened(real.server, secret(real)),
            opened(real.server, wrong),
            opened(real.server, wrong, key=("nobody", "hmac-sha256")),
            opened(silent, secret(real), 0.2),
        ):
            for zone, place in ((ZONE, name), (ZONE, f"alias.{ZONE}"), ("foreign.invalid", "a.foreign.invalid")):
                told.append(await publisher.ensure_txt(zone, place, CODE, 60))
                told.append(await publisher.remove_txt(zone, place, CODE))
            told.append(await publisher.ensure_txt(ZONE, name, CODE * 10_000, 60))
            told.append(publisher)
    everything = caplog.text + repr(told) + "".join(map(str, told))
    assert any(isinstance(answer, Blocked) for answer in told)
    for hidden in (real.tsig_secret, wrong.get_secret_value()):
        for form in (hidden, b64decode(hidden).hex(), repr(b64decode(hidden))[2:-1]):
            assert form not in everything
    assert CODE.decode() not in everything
