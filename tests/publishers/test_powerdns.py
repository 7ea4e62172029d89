"""The publisher for PowerDNS on a real 4.7: what it answers when key, zone, name or database are not as hoped."""

import asyncio
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import httpx
import pytest

from tests.publishers.powerdns_answers import CODE, NEIGHBOUR, ZONE, listened, publisher, reason
from tests.publishers.powerdns_api import RunningPowerDns, running_powerdns, text
from tests.real_processes import installed
from tests.real_servers import ZONES
from txtproof.adapters.publishers.powerdns.publisher import PowerDnsPublisher
from txtproof.core.observations import Blocked, Published, Unreachable, Withdrawn
from txtproof.core.reasons import Reason

WITHOUT_NS = f"unlisted.{ZONE}"
"""A child on the same server that its parent has no NS records for."""


@pytest.fixture(scope="module")
def powerdns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPowerDns]:
    zones = {**ZONES, WITHOUT_NS: ZONES["other.test"], "signed.test": ZONES["other.test"]}
    with running_powerdns(tmp_path_factory.mktemp("powerdns"), zones) as running:
        yield running


@pytest.fixture(autouse=True)
async def nothing_is_shown(powerdns: RunningPowerDns, caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    async with listened(caplog, powerdns.api_key):
        yield


@pytest.fixture
def name() -> str:
    return f"n{secrets.token_hex(6)}.{ZONE}"


def on(powerdns: RunningPowerDns, *, seconds: float = 20) -> PowerDnsPublisher:
    return publisher(powerdns.url, powerdns.api_key, seconds=seconds)


def api(powerdns: RunningPowerDns, method: str, path: str, body: object = None) -> Any:
    url = f"{powerdns.url}/api/v1/servers/localhost{path}"
    answer = httpx.request(method, url, headers={"X-API-Key": powerdns.api_key}, json=body, trust_env=False)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def control(powerdns: RunningPowerDns, program: str, *words: str) -> str:
    where = {"pdnsutil": "--config-dir", "pdns_control": "--socket-dir"}[program]
    told = [installed(program, "pdns-server"), f"{where}={powerdns.database.parent}", *words]
    return subprocess.run(told, check=True, capture_output=True, text=True).stdout


# The key, the zone and the name


async def test_a_wrong_key_is_a_matter_for_a_person(
    powerdns: RunningPowerDns, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = publisher(powerdns.url, "wrong")
    answer = await wrong.ensure_txt(ZONE, name, CODE, 60)
    assert reason(answer) is Reason.PUBLISHER_AUTH
    assert isinstance(answer, Blocked)
    assert "api_key" in answer.detail
    assert reason(await wrong.remove_txt(ZONE, name, CODE)) is Reason.PUBLISHER_AUTH
    assert await wrong.read_txt(ZONE, name) is None
    assert "httpcore" in caplog.text, "what the library says is not listened to"


@pytest.mark.parametrize("zone", ["foreign.invalid", "_odd.test", "a/b.test"])
async def test_a_zone_that_is_not_held_is_named(powerdns: RunningPowerDns, zone: str) -> None:
    answer = await on(powerdns).ensure_txt(zone, f"_verify.{zone}", CODE, 60)
    assert reason(answer) is Reason.NO_ZONE
    assert isinstance(answer, Blocked)
    assert zone in answer.detail
    assert reason(await on(powerdns).remove_txt(zone, f"_verify.{zone}", CODE)) is Reason.NO_ZONE
    assert await on(powerdns).read_txt(zone, f"_verify.{zone}") is None


async def test_a_zone_with_a_slash_and_an_underscore_is_found(powerdns: RunningPowerDns) -> None:
    """Reverse zones of small networks have such names (RFC 2317, 4)."""
    zone = "0/25._odd.test"
    api(powerdns, "POST", "/zones", {"name": f"{zone}.", "kind": "Native", "nameservers": ["ns1.test."]})
    assert await on(powerdns).ensure_txt(zone, f"_verify.{zone}", CODE, 60) == Published(changed=True)
    assert await on(powerdns).read_txt(zone, f"_verify.{zone}") == [CODE]
    assert await on(powerdns).remove_txt(zone, f"_verify.{zone}", CODE) == Withdrawn()


async def test_a_server_id_that_the_api_does_not_know_is_named(powerdns: RunningPowerDns, name: str) -> None:
    answer = await publisher(powerdns.url, powerdns.api_key, server_id="elsewhere").ensure_txt(ZONE, name, CODE, 60)
    assert reason(answer) is Reason.NO_ZONE
    assert isinstance(answer, Blocked)
    assert "elsewhere" in answer.detail


async def test_a_name_outside_the_zone_is_refused(powerdns: RunningPowerDns) -> None:
    before = powerdns.snapshot()
    assert reason(await on(powerdns).ensure_txt(ZONE, "_verify.other.test", CODE, 60)) is Reason.NO_ZONE
    assert powerdns.snapshot() == before


async def test_a_txt_beside_a_cname_is_refused_before_it_is_written(powerdns: RunningPowerDns) -> None:
    before = powerdns.snapshot()
    answer = await on(powerdns).ensure_txt(ZONE, f"alias.{ZONE}", CODE, 60)
    assert reason(answer) is Reason.NAME_IS_CNAME
    assert isinstance(answer, Blocked)
    assert f"www.{ZONE}" in answer.detail
    assert powerdns.snapshot() == before
    assert await on(powerdns).remove_txt(ZONE, f"alias.{ZONE}", CODE) == Withdrawn()


@pytest.mark.parametrize(
    "name",
    [
        f"delegated.{ZONE}",
        f"_verify.delegated.{ZONE}",
        f"_verify.a.b.delegated.{ZONE}",
        f"_verify.sub.{ZONE}",
        WITHOUT_NS,
        f"_verify.{WITHOUT_NS}",
    ],
)
async def test_a_name_of_a_delegated_child_is_not_written_to_the_parent(powerdns: RunningPowerDns, name: str) -> None:
    before = powerdns.snapshot()
    assert reason(await on(powerdns).ensure_txt(ZONE, name, CODE, 60)) is Reason.NOT_SERVED
    assert powerdns.snapshot() == before


@pytest.mark.parametrize("child", [f"delegated.{ZONE}", f"sub.{ZONE}", WITHOUT_NS])
async def test_what_the_parent_holds_below_a_child_is_not_taken_for_published(
    powerdns: RunningPowerDns, child: str
) -> None:
    name = f"_held.{child}"
    powerdns.put(name, 300, [CODE])
    assert powerdns.values(name) == (None, []), "the server does serve it"
    assert reason(await on(powerdns).ensure_txt(ZONE, name, CODE, 60)) is Reason.NOT_SERVED
    assert await on(powerdns).remove_txt(ZONE, name, CODE) == Withdrawn()
    assert await on(powerdns).read_txt(ZONE, name) == []


async def test_names_below_wildcards_get_sets_of_their_own(powerdns: RunningPowerDns) -> None:
    before = powerdns.snapshot()
    for wildcard in ("wild-text", "wild-alias"):
        name = f"{secrets.token_hex(6)}.{wildcard}.{ZONE}"
        assert await on(powerdns).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
        assert powerdns.values(name) == (60, [CODE])
        assert await on(powerdns).remove_txt(ZONE, name, CODE) == Withdrawn()
    assert powerdns.snapshot() == before


async def test_a_zone_that_is_a_copy_is_not_written(powerdns: RunningPowerDns) -> None:
    """This server would take the change with 204, and the next transfer would undo it."""
    zone = f"copy-{secrets.token_hex(4)}.test"
    api(powerdns, "POST", "/zones", {"name": f"{zone}.", "kind": "Slave", "masters": ["127.0.0.1:1"]})
    answer = await on(powerdns).ensure_txt(zone, f"_verify.{zone}", CODE, 60)
    assert reason(answer) is Reason.PUBLISHER_REFUSED
    assert isinstance(answer, Blocked)
    assert "copy" in answer.detail
    assert await on(powerdns).read_txt(zone, f"_verify.{zone}") == []


@pytest.mark.parametrize("length", [0, 65_001])
async def test_a_value_that_no_record_can_hold_is_refused(powerdns: RunningPowerDns, name: str, length: int) -> None:
    assert reason(await on(powerdns).ensure_txt(ZONE, name, b"x" * length, 60)) is Reason.INVALID_VALUE
    assert powerdns.values(name) == (None, [])


async def test_the_longest_value_is_served_as_it_is(powerdns: RunningPowerDns, name: str) -> None:
    longest = bytes(range(250)) * 260
    assert await on(powerdns).ensure_txt(ZONE, name, longest, 60) == Published(changed=True)
    assert powerdns.values(name) == (60, [longest])
    assert await on(powerdns).remove_txt(ZONE, name, longest) == Withdrawn()


async def test_a_name_may_be_written_in_capitals_and_with_its_dot(powerdns: RunningPowerDns, name: str) -> None:
    powerdns.put(name, 300, [NEIGHBOUR])
    assert await on(powerdns).ensure_txt("Example.Test.", f"{name.upper()}.", CODE, 60) == Published(changed=True)
    assert powerdns.values(name) == (300, sorted([NEIGHBOUR, CODE]))
    assert await on(powerdns).remove_txt("Example.Test.", f"{name.upper()}.", CODE) == Withdrawn()
    assert powerdns.values(name) == (300, [NEIGHBOUR])


async def test_who_may_not_call_is_told_where_that_is_set(tmp_path: Path, name: str) -> None:
    with running_powerdns(tmp_path, callers="192.0.2.1") as closed:
        answer = await on(closed).ensure_txt(ZONE, name, CODE, 60)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert isinstance(answer, Unreachable)
    assert "webserver-allow-from" in answer.detail


# The neighbours


async def test_disabled_neighbours_stay(powerdns: RunningPowerDns, name: str) -> None:
    powerdns.put(name, 300, [b"v=spf1 -all"])
    powerdns.write(name, "TXT", 60, text(NEIGHBOUR), disabled=True)
    powerdns.write(name, "CNAME", 60, "www", disabled=True)
    assert await on(powerdns).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert powerdns.values(name) == (300, sorted([b"v=spf1 -all", CODE]))
    assert sorted(await on(powerdns).read_txt(ZONE, name) or []) == sorted([b"v=spf1 -all", CODE])
    assert await on(powerdns).remove_txt(ZONE, name, CODE) == Withdrawn()
    # a set has one TTL, and what is served decides which
    assert (name, "TXT", 300, text(NEIGHBOUR), 1) in powerdns.snapshot()


async def test_disabled_neighbours_alone_keep_their_ttl(powerdns: RunningPowerDns, name: str) -> None:
    powerdns.write(name, "TXT", 7200, text(NEIGHBOUR), disabled=True)
    before = powerdns.snapshot()
    assert await on(powerdns).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert powerdns.values(name) == (7200, [CODE])
    assert await on(powerdns).remove_txt(ZONE, name, CODE) == Withdrawn()
    assert powerdns.snapshot() == before


async def test_a_record_of_ours_that_somebody_has_disabled_is_a_matter_for_a_person(
    powerdns: RunningPowerDns, name: str
) -> None:
    powerdns.write(name, "TXT", 60, text(CODE), disabled=True)
    answer = await on(powerdns).ensure_txt(ZONE, name, CODE, 60)
    assert reason(answer) is Reason.PUBLISHER_REFUSED
    assert isinstance(answer, Blocked)
    assert "disabled" in answer.detail
    assert await on(powerdns).remove_txt(ZONE, name, CODE) == Withdrawn()
    assert (name, "TXT", 60, text(CODE), 1) in powerdns.snapshot()


async def test_comments_and_other_types_stay(powerdns: RunningPowerDns, name: str) -> None:
    powerdns.write(name, "A", 120, "192.0.2.7")
    powerdns.put(name, 300, [NEIGHBOUR])
    comment = {"content": "ask the web team", "account": "web", "modified_at": 1}
    commented = {"name": f"{name}.", "type": "TXT", "changetype": "REPLACE", "comments": [comment]}
    api(powerdns, "PATCH", f"/zones/{ZONE}.", {"rrsets": [commented]})
    before = powerdns.snapshot()
    assert await on(powerdns).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert await on(powerdns).remove_txt(ZONE, name, CODE) == Withdrawn()
    assert powerdns.snapshot() == before
    rrsets = api(powerdns, "GET", f"/zones/{ZONE}.")["rrsets"]
    (found,) = [one for one in rrsets if one["name"] == f"{name}." and one["type"] == "TXT"]
    assert found["comments"] == [comment]


async def test_records_that_stand_twice_are_no_obstacle(powerdns: RunningPowerDns, name: str) -> None:
    """PATCHes at the same time can leave such sets (PowerDNS issue 8374), and the API refuses to be sent them."""
    powerdns.put(name, 300, [NEIGHBOUR], [NEIGHBOUR], [CODE], [CODE])
    assert await on(powerdns).ensure_txt(ZONE, name, b"next", 60, [CODE]) == Published(changed=True)
    assert powerdns.values(name) == (300, sorted([NEIGHBOUR, b"next"]))


async def test_a_signed_zone_proves_what_is_published(powerdns: RunningPowerDns) -> None:
    control(powerdns, "pdnsutil", "secure-zone", "signed.test")
    # the server remembers for a while that there were no keys
    control(powerdns, "pdns_control", "purge", "signed.test$")
    assert await on(powerdns).ensure_txt("signed.test", "_verify.signed.test", CODE, 60) == Published(changed=True)
    query = dns.message.make_query("_verify.signed.test", dns.rdatatype.TXT, want_dnssec=True)
    answer = dns.query.tcp(query, powerdns.server.address, 5, powerdns.server.port)
    assert {rrset.rdtype for rrset in answer.answer} == {dns.rdatatype.TXT, dns.rdatatype.RRSIG}
    assert " 0 errors" in control(powerdns, "pdnsutil", "check-zone", "signed.test")
    assert await on(powerdns).remove_txt("signed.test", "_verify.signed.test", CODE) == Withdrawn()


# The database


async def test_a_zone_that_cannot_be_shown_is_a_matter_for_a_person(powerdns: RunningPowerDns) -> None:
    """This server shows what is disabled with the whole zone only, and that not at all beside an ill-formed record."""
    other = replace(powerdns, zone="other.test")
    other.write("broken.other.test", "TXT", 300, "v=spf1 -all")
    answer = await on(powerdns).ensure_txt("other.test", "_verify.other.test", CODE, 60)
    other.write("broken.other.test", "TXT", 300)
    assert reason(answer) is Reason.PUBLISHER_REFUSED
    assert isinstance(answer, Blocked)
    assert "check-zone other.test" in answer.detail
    assert other.values("_verify.other.test") == (None, [])


async def test_a_database_that_stays_locked_is_tried_again_later(powerdns: RunningPowerDns, name: str) -> None:
    lock = powerdns.locked()
    try:
        answer = await on(powerdns).ensure_txt(ZONE, name, CODE, 60)
    finally:
        lock.close()
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert isinstance(answer, Unreachable)
    assert "500" in answer.detail
    assert powerdns.values(name) == (None, [])


async def test_a_database_that_is_locked_for_a_moment_is_waited_for(powerdns: RunningPowerDns, name: str) -> None:
    lock = powerdns.locked()
    asyncio.get_running_loop().call_later(0.1, lock.close)
    assert await on(powerdns).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert powerdns.values(name) == (60, [CODE])


async def test_calls_for_many_names_at_once_all_take_effect(powerdns: RunningPowerDns) -> None:
    """No lock keeps these apart: the database lets one transaction through at a time."""
    names = [f"n{secrets.token_hex(6)}.{ZONE}" for _ in range(8)]
    before = powerdns.snapshot()
    sender = on(powerdns)
    answers = await asyncio.gather(*(sender.ensure_txt(ZONE, name, CODE, 60) for name in names))
    assert answers == [Published(changed=True)] * 8
    assert await asyncio.gather(*(sender.remove_txt(ZONE, name, CODE) for name in names)) == [Withdrawn()] * 8
    assert powerdns.snapshot() == before
