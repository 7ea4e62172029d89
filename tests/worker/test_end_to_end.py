"""The main job on real parts: Celery worker and beat, Valkey, HTTP, and BIND or Knot."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import celery
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from tests.real_servers import RealServer
from tests.waiting import wait_until
from tests.worker.scene import ORGANIZATION, scene
from txtproof.core.model import Key
from txtproof.rehearsal.name_server import NameServers, ZoneSpec
from txtproof.rehearsal.nexus import Answer

ZONE = "other.test"
ALIASED = "example.test"
"""The other zone of the worker."""
SPF = b"v=spf1 include:_spf.mail.test -all"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> RealServer:
    found: RealServer = request.getfixturevalue(request.param)
    return found


@contextmanager
def stale_second_server(server: RealServer) -> Iterator[NameServers]:
    """Delegate the zone to a second server too, which serves it as it was long ago."""
    _change_delegation(server, add=True)
    try:
        with NameServers([ZoneSpec(ZONE)], "unused", "dW51c2Vk", addresses=["127.0.0.2"], port=server.port) as second:
            yield second
    finally:
        _change_delegation(server, add=False)


def _change_delegation(server: RealServer, *, add: bool) -> None:
    update = dns.update.UpdateMessage(ZONE)
    name = dns.name.from_text
    if add:
        update.add(name(f"ns2.{ZONE}"), 300, "A", "127.0.0.2")
        update.add(name(ZONE), 300, "NS", f"ns2.{ZONE}.")
    else:
        update.delete(name(f"ns2.{ZONE}"))
        update.delete(name(ZONE), "NS", f"ns2.{ZONE}.")
    update.use_tsig(dns.tsig.Key(server.tsig_name, server.tsig_secret, server.tsig_algorithm))
    assert dns.query.tcp(update, server.address, 5, server.port).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize(
    ("server", "auth"), [("bind", "bearer"), ("knot", "bearer"), ("bind", "basic")], indirect=["server"]
)
def test_a_domain_is_verified_across_an_expiring_code_and_its_spf_stays(
    redis_url: str, server: RealServer, auth: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        second = stack.enter_context(ExitStack())
        second.enter_context(stale_second_server(server))
        stage = stack.enter_context(scene(redis_url, server, tmp_path, auth))
        before = server.snapshot(ZONE)
        assert server.values(ZONE) == (300, [SPF])
        stage.nexus.register(ORGANIZATION, 7, ZONE, first_lifetimes=[timedelta(seconds=4)])
        stage.send(b'{"organizationId": 42, "domainId": 7, "domain": "Other.Test."}')
        wait_until(lambda: stage.kinds(7).count("code-issued") == 2, "the second code")
        # a server that is gone holds nothing up; a stale one did
        reasons = [one["data"].get("reason") for one in stage.events()]
        assert "stale_server" in reasons
        second.close()
        stage.wait_for(7, "verified")

        codes = [one.code for one in stage.nexus.issued[Key(ORGANIZATION, 7)]]
        assert len(codes) == 2
        assert stage.nexus.overlaps == 0
        assert stage.kinds(7).count("verified") == 1
        assert server.values(ZONE) == (300, sorted([SPF, codes[1].encode()]))
        ours = (f"{ZONE}.", "TXT", 300, f'"{codes[1]}"')
        gone = [line for line in before if "ns2" in line[0] or "ns2" in line[3]]
        assert sorted([*server.snapshot(ZONE), *gone]) == sorted([*before, ours])
        told = stage.log.read_text() + json.dumps(stage.events())
        for secret in (*codes, server.tsig_secret, stage.nexus.credentials.token, stage.nexus.credentials.password):
            assert secret not in told
        server.put(ZONE, ZONE, "TXT", 300, f'"{SPF.decode()}"')


def test_a_domain_is_verified_by_a_record_where_its_alias_leads(
    redis_url: str, knot: RealServer, tmp_path: Path
) -> None:
    domain, target = f"shop.{ALIASED}", f"shop-example.verify.{ZONE}"
    knot.put(ALIASED, domain, "CNAME", 60, f"{target}.")
    before = knot.snapshot(ALIASED)
    try:
        with scene(redis_url, knot, tmp_path, "bearer") as stage:
            stage.nexus.register(ORGANIZATION, 5, domain)
            stage.send(b'{"organizationId": 42, "domainId": 5}')
            stage.wait_for(5, "verified")
            published = [one["data"] for one in stage.events() if "record-published" in one["type"]]
            assert [(one["zone"], one["name"]) for one in published] == [(ZONE, target)]
            (code,) = stage.nexus.issued[Key(ORGANIZATION, 5)]
            assert knot.values(target) == (60, [code.code.encode()])
            assert knot.snapshot(ALIASED) == before, "nothing is written where the alias stands"
    finally:
        knot.put(ZONE, target, "TXT", 60)
        knot.put(ALIASED, domain, "CNAME", 60)


def test_a_whole_verification_takes_well_under_a_second_where_nothing_has_to_be_waited_for(
    redis_url: str, bind: RealServer, tmp_path: Path
) -> None:
    with scene(redis_url, bind, tmp_path, "bearer") as stage:
        for domain_id in (1, 2):
            stage.nexus.register(ORGANIZATION, domain_id, "example.test")
        stage.send(b'{"organizationId": 42, "domainId": 1}')
        stage.wait_for(1, "verified")
        stage.send(b'{"organizationId": 42, "domainId": 2}')
        stage.wait_for(2, "verified")
        times = {one["type"].split(".")[-2]: one["time"] for one in stage.events() if one["data"]["domainId"] == 2}
        took = datetime.fromisoformat(times["verified"]) - datetime.fromisoformat(times["accepted"])
        # a tick of the sweep is a second: what takes less did not wait for one
        assert took < timedelta(seconds=1)


def test_what_arrives_through_celery_is_accepted_and_what_is_refused_is_set_aside(
    redis_url: str, bind: RealServer, tmp_path: Path
) -> None:
    with (
        scene(redis_url, bind, tmp_path, "bearer") as stage,
        celery.Celery(broker=redis_url, set_as_current=False) as producer,
    ):
        stage.nexus.register(ORGANIZATION, 3, "example.test")
        good = {"organizationId": ORGANIZATION, "domainId": 3, "domain": "example.test"}
        producer.send_task("verification.request", kwargs=good, queue="txtproof.commands", declare=[])
        producer.send_task("verification.request", kwargs=good | {"domainId": 0}, queue="txtproof.commands")
        producer.send_task("verification.request", args=[1], kwargs=good, queue="txtproof.commands")
        for bad in (b"5", b"not json", b'{"organizationId": 42}', b"x" * 100_000):
            stage.send(bad)
        stage.wait_for(3, "verified")
        rejected: Any = wait_until(lambda: found if len(found := stage.rejected()) == 6 else None, "six refusals")
        reasons = sorted(json.loads(fields[b"problem"])["type"].split(":")[-1] for _, fields in rejected)
        assert reasons == sorted(
            ["out_of_range", "wrong_type", "not_an_object", "not_json", "missing_member", "too_large"]
        )
        assert max(len(fields[b"event"]) for _, fields in rejected) == 64 * 1024


def test_what_is_blocked_goes_on_when_a_person_has_acted(redis_url: str, bind: RealServer, tmp_path: Path) -> None:
    with scene(redis_url, bind, tmp_path, "bearer") as stage:
        stage.nexus.register(ORGANIZATION, 4, "example.test")
        stage.nexus.script(ORGANIZATION, 4, Answer(status=403))
        stage.send(b'{"organizationId": 42, "domainId": 4}')
        stage.wait_for(4, "blocked")
        environ = stage.environ | {"PYTHONPATH": "src"}
        resumed = subprocess.run(
            [sys.executable, "-m", "txtproof", "resume", "42/4"],
            env=os.environ | environ,
            capture_output=True,
            check=True,
        )
        assert b"42/4" in resumed.stdout
        stage.wait_for(4, "verified")
        assert stage.kinds(4) == ["accepted", "blocked", "resumed", "code-issued", "record-published", "verified"]
