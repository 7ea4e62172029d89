"""The publisher for Route 53 where the zone is not as hoped: other routing, aliases, zones of one name, rivals."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.publishers.route53_hand import CODE, Opener, name, opened, told
from tests.publishers.route53_middleman import CHANGE, FIND, LIST, Middleman, between
from tests.real_ministack import ZONE, MiniStack, ministack
from txtproof.adapters.publishers.route53 import publisher as route53
from txtproof.core.observations import Published, Withdrawn

__all__ = ["ministack", "name", "opened"]

ROUTINGS: dict[str, dict[str, Any]] = {
    "weighted": {"SetIdentifier": "one", "Weight": 10},
    "multi-value": {"SetIdentifier": "one", "MultiValueAnswer": True},
    "by country": {"SetIdentifier": "one", "GeoLocation": {"CountryCode": "DE"}},
    "by region": {"SetIdentifier": "one", "Region": "eu-central-1"},
    "failover": {"SetIdentifier": "one", "Failover": "PRIMARY"},
}


@pytest.fixture
def middleman(ministack: MiniStack) -> Iterator[Middleman]:
    with between(ministack.url) as one:
        yield one


# What is no simple TXT set is left alone


@pytest.mark.parametrize("routing", ROUTINGS.values(), ids=ROUTINGS)
async def test_a_set_with_a_routing_policy_is_not_touched(
    ministack: MiniStack, opened: Opener, name: str, routing: dict[str, Any]
) -> None:
    ministack.apply("CREATE", name, "TXT", TTL=300, ResourceRecords=[{"Value": '"theirs"'}], **routing)
    before = ministack.snapshot()
    publisher = opened(ministack.url)
    kind, reason, text = told(await publisher.ensure_txt(ZONE, name, CODE, 60))
    assert (kind, reason) == ("Blocked", "publisher_refused")
    assert "SetIdentifier" in text
    assert told(await publisher.remove_txt(ZONE, name, b"theirs"))[1] == "publisher_refused"
    assert await publisher.remove_txt(ZONE, name, CODE) == Withdrawn()
    assert await publisher.read_txt(ZONE, name) == [b"theirs"]
    assert ministack.snapshot() == before


async def test_an_alias_is_not_touched(ministack: MiniStack, opened: Opener, name: str) -> None:
    target = {"HostedZoneId": ministack.zone_id, "DNSName": f"{ZONE}.", "EvaluateTargetHealth": False}
    ministack.apply("CREATE", name, "TXT", AliasTarget=target)
    before = ministack.snapshot()
    kind, reason, text = told(await opened(ministack.url).ensure_txt(ZONE, name, CODE, 60))
    assert (kind, reason) == ("Blocked", "publisher_refused")
    assert "AliasTarget" in text
    assert ministack.snapshot() == before


async def test_a_cname_is_told_and_not_touched(ministack: MiniStack, opened: Opener, name: str) -> None:
    ministack.apply("CREATE", name, "CNAME", TTL=300, ResourceRecords=[{"Value": f"www.{ZONE}."}])
    before = ministack.snapshot()
    publisher = opened(ministack.url)
    kind, reason, text = told(await publisher.ensure_txt(ZONE, name, CODE, 60))
    assert (kind, reason, text) == ("Blocked", "name_is_cname", f"{name} is a CNAME: www.{ZONE}")
    assert await publisher.remove_txt(ZONE, name, CODE) == Withdrawn()
    assert ministack.snapshot() == before


async def test_other_types_at_the_name_do_not_matter_however_many(
    ministack: MiniStack, opened: Opener, name: str
) -> None:
    for number in range(120):
        routing = {"SetIdentifier": f"{number:03}", "Weight": 1}
        ministack.apply("CREATE", name, "A", TTL=60, ResourceRecords=[{"Value": "192.0.2.1"}], **routing)
    ministack.put(name, 300, [b"theirs"])
    publisher = opened(ministack.url)
    assert await publisher.ensure_txt(ZONE, name, CODE, 60) == Published()
    assert ministack.values(name) == (300, sorted([CODE, b"theirs"]))
    assert await publisher.remove_txt(ZONE, name, CODE) == Withdrawn()


async def test_a_set_that_fits_into_no_batch_is_not_touched(ministack: MiniStack, opened: Opener, name: str) -> None:
    ministack.put(name, 300, *([b"%03d" % number * 80] for number in range(17)))
    before = ministack.snapshot()
    kind, reason, text = told(await opened(ministack.url).ensure_txt(ZONE, name, CODE, 60))
    assert (kind, reason) == ("Blocked", "publisher_refused")
    assert "32000" in text
    assert ministack.snapshot() == before


async def test_a_value_of_nothing_is_none(opened: Opener, name: str) -> None:
    assert told(await opened("http://127.0.0.1:9").ensure_txt(ZONE, name, b"", 60))[:2] == ("Blocked", "invalid_value")


# Which hosted zone


async def test_a_zone_is_found_by_name_and_a_private_one_is_none(ministack: MiniStack, opened: Opener) -> None:
    publisher = opened(ministack.url)
    answer = told(await publisher.ensure_txt("one.test", "a.one.test", CODE, 60))
    assert answer == ("Blocked", "no_zone", "Route 53: the account has no public hosted zone called one.test")
    ministack.add_zone("one.test", private=True)
    answer = told(await publisher.ensure_txt("one.test", "a.one.test", CODE, 60))
    assert answer[2].endswith("called one.test, only a private one")
    ministack.add_zone("one.test")
    assert await publisher.ensure_txt("one.test", "a.one.test", CODE, 60) == Published()


async def test_of_two_zones_of_one_name_a_person_chooses(ministack: MiniStack, opened: Opener) -> None:
    ministack.add_zone("two.test")
    chosen = ministack.add_zone("two.test")
    kind, reason, text = told(await opened(ministack.url).ensure_txt("two.test", "a.two.test", CODE, 60))
    assert (kind, reason) == ("Blocked", "no_zone")
    assert "hosted_zone_id" in text
    publisher = opened(ministack.url, hosted_zone_id=chosen)
    assert await publisher.ensure_txt("two.test", "a.two.test", CODE, 60) == Published()
    listed = ministack.client.list_resource_record_sets(HostedZoneId=chosen)["ResourceRecordSets"]
    assert [one["Name"] for one in listed if one["Type"] == "TXT"] == ["a.two.test."]


async def test_a_zone_is_looked_for_once_and_again_when_it_is_gone(
    ministack: MiniStack, middleman: Middleman, opened: Opener
) -> None:
    gone = ministack.add_zone("new.test")
    publisher = opened(middleman.url)
    assert await publisher.read_txt("new.test", "a.new.test") == []
    assert await publisher.read_txt("new.test", "a.new.test") == []
    assert middleman.asked == [FIND, LIST, LIST]
    ministack.client.delete_hosted_zone(Id=gone)
    ministack.add_zone("new.test")
    assert told(await publisher.ensure_txt("new.test", "a.new.test", CODE, 60))[:2] == ("Blocked", "no_zone")
    assert await publisher.ensure_txt("new.test", "a.new.test", CODE, 60) == Published()


# Rivals


async def test_a_call_takes_two_requests_and_one_where_all_is_well(
    middleman: Middleman, opened: Opener, name: str
) -> None:
    publisher = opened(middleman.url)
    await publisher.read_txt(ZONE, name)
    middleman.asked.clear()
    assert await publisher.ensure_txt(ZONE, name, CODE, 60) == Published()
    assert await publisher.ensure_txt(ZONE, name, CODE, 60) == Published(changed=False)
    assert await publisher.remove_txt(ZONE, name, CODE) == Withdrawn()
    assert await publisher.remove_txt(ZONE, name, CODE) == Withdrawn()
    assert middleman.asked == [LIST, CHANGE, LIST, LIST, CHANGE, LIST]


@pytest.mark.parametrize("stood", [[], [b"old"]], ids=["where nothing stood", "beside others"])
async def test_what_a_rival_writes_between_our_reading_and_our_writing_stays(
    ministack: MiniStack, middleman: Middleman, opened: Opener, name: str, stood: list[bytes]
) -> None:
    if stood:
        ministack.put(name, 60, stood)
    middleman.before(CHANGE, lambda: ministack.put(name, 1234, [b"theirs"]))
    assert await opened(middleman.url).ensure_txt(ZONE, name, CODE, 60, [b"old"]) == Published()
    assert ministack.values(name) == (1234, sorted([CODE, b"theirs"]))
    assert middleman.asked == [FIND, LIST, CHANGE, LIST, CHANGE]


async def test_a_ttl_that_a_rival_changes_between_our_reading_and_our_writing_stays(
    ministack: MiniStack, middleman: Middleman, opened: Opener, name: str
) -> None:
    ministack.put(name, 60, [b"theirs"])
    middleman.before(CHANGE, lambda: ministack.put(name, 7200, [b"theirs"]))
    assert await opened(middleman.url).remove_txt(ZONE, name, b"theirs") == Withdrawn()
    ministack.put(name, 60, [b"theirs"], [CODE])
    middleman.before(CHANGE, lambda: ministack.put(name, 7200, [b"theirs"], [CODE]))
    assert await opened(middleman.url).remove_txt(ZONE, name, CODE) == Withdrawn()
    assert ministack.values(name) == (7200, [b"theirs"])


async def test_a_rival_who_removes_the_set_meanwhile_leaves_ours_alone(
    ministack: MiniStack, middleman: Middleman, opened: Opener, name: str
) -> None:
    ministack.put(name, 300, [b"theirs"])
    texts = [{"Value": "".join(['"', *(f"\\{octet:03o}" for octet in b"theirs"), '"'])}]
    middleman.before(CHANGE, lambda: ministack.apply("DELETE", name, "TXT", TTL=300, ResourceRecords=texts))
    assert await opened(middleman.url).ensure_txt(ZONE, name, CODE, 60) == Published()
    assert ministack.values(name) == (60, [CODE])


async def test_against_a_rival_without_end_nothing_is_forced(
    ministack: MiniStack, middleman: Middleman, opened: Opener, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route53, "ATTEMPTS", 4)
    ttls = iter(range(100, 200))
    middleman.before(CHANGE, lambda: ministack.put(name, next(ttls), [b"theirs"]), times=100)
    assert told(await opened(middleman.url).ensure_txt(ZONE, name, CODE, 60))[:2] == ("Unreachable", "conflict")
    assert middleman.asked.count(CHANGE) == 4
    assert ministack.values(name) == (103, [b"theirs"])


async def test_a_race_that_is_not_over_when_the_time_is_up_is_a_conflict(
    ministack: MiniStack, middleman: Middleman, opened: Opener, name: str
) -> None:
    def script(asked: str) -> None:
        if asked == CHANGE:
            ministack.put(name, 300, [b"theirs"])
        elif CHANGE in middleman.asked:
            middleman.closing.wait(30)

    middleman.script = script
    publisher = opened(middleman.url, built=True, seconds=2)
    assert told(await publisher.ensure_txt(ZONE, name, CODE, 60))[:2] == ("Unreachable", "conflict")
    assert ministack.values(name) == (300, [b"theirs"])


# Cancelled


@pytest.mark.parametrize("operation", [FIND, LIST, CHANGE])
async def test_a_cancelled_call_asks_for_nothing_more(
    ministack: MiniStack, middleman: Middleman, opened: Opener, name: str, operation: str
) -> None:
    ministack.put(name, 300, [b"theirs"])
    publisher = opened(middleman.url)
    came = middleman.hold(operation)
    call = asyncio.create_task(publisher.ensure_txt(ZONE, name, CODE, 60))
    await asyncio.to_thread(came.wait, 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    asked = list(middleman.asked)
    middleman.script = lambda _: None
    middleman.closing.set()
    await publisher.read_txt(ZONE, name)
    assert middleman.asked[: len(asked)] == asked
    assert CHANGE not in middleman.asked[len(asked) :]
    assert ministack.values(name) == (300, [b"theirs"])
    assert await publisher.ensure_txt(ZONE, name, CODE, 60) == Published()
