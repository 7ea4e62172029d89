"""The publisher for Cloudflare: what it answers when the zone, the name or the set is not as hoped."""

import functools
from typing import Any

import pytest
from pydantic import SecretStr

from tests.publishers.cloudflare_api import CloudflareApi, Fault, refusal
from tests.publishers.cloudflare_scene import CODE, TOKEN, ZONE, api, options, publisher, reason, running
from tests.publishers.cloudflare_zones import Owner, Zone
from txtproof.adapters.publishers.cloudflare.publisher import CloudflareOptions, CloudflarePublisher
from txtproof.core.observations import Blocked, Published, Unreachable, Withdrawn
from txtproof.core.reasons import Reason

__all__ = ["api", "publisher", "running"]

NAME = f"_verify.{ZONE}"
ID = "0" * 31 + "e"


@pytest.fixture
def zone() -> Zone:
    return Zone(ZONE, ID)


def contents(zone: Zone, name: str = NAME) -> list[str]:
    return sorted(one["content"] for one in zone.at(name, "TXT"))


def methods(api: CloudflareApi) -> list[str]:
    return [request.split(" ")[0] for request in api.requests]


# One record for each value


async def test_the_new_value_comes_before_the_old_one_goes(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    Owner(zone).put(NAME, 300, [b"old"])
    assert await publisher.ensure_txt(ZONE, NAME, CODE, 60, [b"old"]) == Published(changed=True)
    assert methods(api) == ["GET", "GET", "POST", "DELETE"]


async def test_somebody_who_adds_the_same_value_in_between_is_not_in_the_way(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    Owner(zone).put(NAME, 300, [b"old"])
    rival = functools.partial(zone.add, NAME, "TXT", f'"{CODE.decode()}"', 300)
    api.script("add", Fault(done=True, meanwhile=rival))
    assert await publisher.ensure_txt(ZONE, NAME, CODE, 60, [b"old"]) == Published(changed=True)
    assert contents(zone) == [f'"{CODE.decode()}"']


@pytest.mark.parametrize("code", [81057, 81058])
async def test_a_record_that_is_said_to_stand_and_is_not_seen_is_a_conflict(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone, code: int
) -> None:
    api.script("add", *[refusal(400, code)] * 3)
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.CONFLICT
    assert contents(zone) == []


async def test_a_value_stands_however_it_was_saved_and_goes_in_all_its_forms(
    publisher: CloudflarePublisher, zone: Zone
) -> None:
    zone.add(NAME, "TXT", CODE.decode())
    zone.add(NAME, "TXT", f'"{CODE.decode()}"')
    zone.add(NAME, "TXT", f'"{CODE[:3].decode()}" "{CODE[3:].decode()}"')
    assert await publisher.read_txt(ZONE, NAME) == [CODE]
    assert await publisher.ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=False)
    assert await publisher.remove_txt(ZONE, NAME, CODE) == Withdrawn()
    assert contents(zone) == []


async def test_what_somebody_else_has_just_deleted_is_gone(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    Owner(zone).put(NAME, 300, [CODE])
    api.script("delete", Fault(done=True, meanwhile=lambda: Owner(zone).put(NAME, 300)))
    assert await publisher.remove_txt(ZONE, NAME, CODE) == Withdrawn()


async def test_a_filter_that_is_not_heeded_gives_nothing_of_others_away(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    zone.add(f"other.{ZONE}", "TXT", CODE.decode())
    zone.add(NAME, "SPF", CODE.decode())

    def everything(body: Any) -> Any:
        return {**body, "result": [zone.shown(one) for one in zone.records]}

    api.script("list", Fault(twist=everything))
    assert await publisher.remove_txt(ZONE, NAME, CODE) == Withdrawn()
    assert len(zone.records) == 2
    assert "DELETE" not in methods(api)


async def test_the_name_is_the_same_in_any_case(publisher: CloudflarePublisher, zone: Zone) -> None:
    assert await publisher.ensure_txt(ZONE.upper(), f"{NAME.upper()}.", CODE, 60) == Published(changed=True)
    assert contents(zone) == [f'"{CODE.decode()}"']


# The TTL


@pytest.mark.parametrize(
    ("wanted", "stored"), [(1, 60), (59, 60), (60, 60), (3600, 3600), (86_400, 86_400), (100_000, 86_400)]
)
async def test_a_new_set_has_a_ttl_that_every_plan_can_have(
    publisher: CloudflarePublisher, zone: Zone, wanted: int, stored: int
) -> None:
    assert await publisher.ensure_txt(ZONE, NAME, CODE, wanted) == Published(changed=True)
    assert zone.at(NAME)[0]["ttl"] == stored


@pytest.mark.parametrize(
    ("there", "added"), [([300], 300), ([1], 1), ([3600, 300, 7200], 300), ([3600, 1], 1), ([120, 1], 120)]
)
async def test_a_value_beside_others_has_a_ttl_of_theirs(
    publisher: CloudflarePublisher, zone: Zone, there: list[int], added: int
) -> None:
    for number, ttl in enumerate(there):
        zone.add(NAME, "TXT", f'"neighbour {number}"', ttl)
    zone.add(NAME, "A", "192.0.2.1", 60)
    await publisher.ensure_txt(ZONE, NAME, CODE, 600)
    assert zone.at(NAME, "TXT")[-1]["ttl"] == added
    assert [one["ttl"] for one in zone.at(NAME, "TXT")[:-1]] == there


# What Cloudflare cannot hold


@pytest.mark.parametrize("size", [0, 4081, 100_000])
async def test_a_value_of_no_size_that_it_takes_is_not_even_sent(
    publisher: CloudflarePublisher, api: CloudflareApi, size: int
) -> None:
    answer = await publisher.ensure_txt(ZONE, NAME, b"a" * size, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.INVALID_VALUE
    assert api.requests == []


async def test_the_longest_value_is_taken(publisher: CloudflarePublisher, zone: Zone) -> None:
    assert await publisher.ensure_txt(ZONE, NAME, b"a" * 4080, 60) == Published(changed=True)
    assert await publisher.read_txt(ZONE, NAME) == [b"a" * 4080]


async def test_what_is_too_much_for_one_name_is_said_to_be_that(publisher: CloudflarePublisher, zone: Zone) -> None:
    Owner(zone).put(NAME, 300, [b"a" * 255] * 16, [b"b" * 255] * 15)
    before = Owner(zone).snapshot()
    answer = await publisher.ensure_txt(ZONE, NAME, b"c" * 1000, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.INVALID_VALUE
    assert "81061" in answer.detail
    assert Owner(zone).snapshot() == before


@pytest.mark.parametrize(
    "change", [{"content": f'"{CODE.decode().upper()}"'}, {"name": f"{NAME}.{ZONE}"}, {"type": "SPF"}], ids=str
)
async def test_a_record_that_comes_out_otherwise_is_taken_back(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone, change: dict[str, str]
) -> None:
    api.script("add", Fault(done=True, twist=lambda body: {**body, "result": {**body["result"], **change}}))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.INVALID_VALUE
    assert zone.records == []


async def test_a_record_of_others_that_is_given_out_as_the_new_one_stays(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    neighbour = zone.shown(zone.add(NAME, "TXT", "neighbour", 300))
    api.script("add", Fault(twist=lambda body: {**body, "result": neighbour}))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.INVALID_VALUE
    assert "neighbour" in contents(zone)


# What would not be served


async def test_nothing_is_written_beside_a_cname_that_is_seen(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    zone.add(NAME, "CNAME", "elsewhere.test")
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.NAME_IS_CNAME
    assert "POST" not in methods(api)


@pytest.mark.parametrize(
    ("name", "alias"),
    [(NAME, {"proxied": True}), (NAME, {"settings": {"flatten_cname": True}}), (ZONE, {})],
    ids=["proxied", "flattened", "at the apex"],
)
async def test_a_cname_that_is_answered_with_addresses_is_not_in_the_way(
    publisher: CloudflarePublisher, zone: Zone, name: str, alias: dict[str, Any]
) -> None:
    zone.add(name, "CNAME", "elsewhere.test", 1, **alias)
    assert await publisher.ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)


async def test_what_is_written_below_a_delegation_does_not_stay(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    zone.add(f"sub.{ZONE}", "NS", "ns1.elsewhere.test")
    before = Owner(zone).snapshot()
    answer = await publisher.ensure_txt(ZONE, f"_verify.sub.{ZONE}", CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.NOT_SERVED
    assert Owner(zone).snapshot() == before


async def test_a_value_that_stands_below_a_delegation_proves_nothing(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    zone.add(f"_verify.sub.{ZONE}", "TXT", CODE.decode())
    zone.add(f"sub.{ZONE}", "NS", "ns1.elsewhere.test")
    answer = await publisher.ensure_txt(ZONE, f"_verify.sub.{ZONE}", CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.NOT_SERVED
    assert "POST" not in methods(api)


async def test_nothing_is_written_at_a_name_that_is_delegated(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    zone.add(NAME, "NS", "ns1.elsewhere.test")
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.NOT_SERVED
    assert "POST" not in methods(api)


async def test_name_servers_at_the_apex_are_those_of_the_zone(publisher: CloudflarePublisher, zone: Zone) -> None:
    zone.add(ZONE, "NS", "ns1.elsewhere.test")
    assert await publisher.ensure_txt(ZONE, ZONE, CODE, 60) == Published(changed=True)


# Which zone


async def test_a_zone_is_searched_once(publisher: CloudflarePublisher, api: CloudflareApi) -> None:
    await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    await publisher.remove_txt(ZONE, NAME, CODE)
    assert [request for request in api.requests if "dns_records" not in request] == [f"GET /zones?name={ZONE}"]


async def test_a_zone_whose_id_is_given_is_not_searched(api: CloudflareApi, zone: Zone) -> None:
    api.may_search = False
    publisher = options(api, zone_id=ID).open()
    assert await publisher.ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
    await publisher.aclose()
    assert contents(zone) == [f'"{CODE.decode()}"']


async def test_a_zone_that_the_token_does_not_see_is_a_matter_for_a_person(publisher: CloudflarePublisher) -> None:
    answer = await publisher.ensure_txt("elsewhere.test", "_verify.elsewhere.test", CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.NO_ZONE
    assert "elsewhere.test" in answer.detail


async def test_of_zones_with_one_name_the_active_one_is_taken(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    api.zones.insert(0, Zone(ZONE, "0" * 31 + "a", "moved"))
    assert await publisher.ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
    assert len(zone.records) == 1


async def test_of_zones_with_one_name_and_rank_none_is_taken(
    publisher: CloudflarePublisher, api: CloudflareApi
) -> None:
    api.zones.insert(0, Zone(ZONE, "0" * 31 + "a"))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.NO_ZONE
    assert "zone_id" in answer.detail


async def test_a_zone_that_was_created_anew_is_found_again(publisher: CloudflarePublisher, api: CloudflareApi) -> None:
    await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    api.zones[:] = [Zone(ZONE, "0" * 31 + "b")]
    assert await publisher.ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
    assert contents(api.zones[0]) == [f'"{CODE.decode()}"']


async def test_an_id_that_is_none_is_a_matter_for_a_person(api: CloudflareApi) -> None:
    publisher = options(api, zone_id="0" * 32).open()
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    await publisher.aclose()
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.NO_ZONE


# Long lists


async def test_a_thousand_values_are_read_in_pages_and_stay(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    zone.most_contents = 1_000_000
    for number in range(1000):
        zone.add(NAME, "TXT", f"neighbour{number}", 300)
    zone.add(NAME, "TXT", "old", 300)
    before = Owner(zone).snapshot()
    assert await publisher.ensure_txt(ZONE, NAME, CODE, 60, [b"old"]) == Published(changed=True)
    assert await publisher.ensure_txt(ZONE, NAME, CODE, 60, [b"old"]) == Published(changed=False)
    assert methods(api).count("GET") == 1 + 11 + 11
    assert len(await publisher.read_txt(ZONE, NAME) or ()) == 1001
    await publisher.remove_txt(ZONE, NAME, CODE)
    zone.add(NAME, "TXT", "old", 300)
    assert Owner(zone).snapshot() == before


@pytest.mark.parametrize("told", [("total_pages", "total_count"), ("total_count",), ()], ids=str)
async def test_pages_are_counted_whatever_is_told_of_them(zone: Zone, told: tuple[str, ...]) -> None:
    for number in range(20):
        zone.add(NAME, "TXT", f"neighbour{number}", 300)

    def less(body: Any) -> Any:
        kept = {name: said for name, said in body["result_info"].items() if name in (*told, "per_page")}
        return {**body, "result_info": kept}

    with CloudflareApi(TOKEN, zone, most_per_page=5) as api:
        publisher = options(api, zone_id=ID).open()
        api.script("list", *[Fault(twist=less)] * 9)
        assert len(await publisher.read_txt(ZONE, NAME) or ()) == 20
        await publisher.aclose()


async def test_a_record_that_slips_between_two_pages_is_looked_for_again(zone: Zone) -> None:
    for number in range(8):
        zone.add(NAME, "TXT", f"neighbour{number}", 300)
    zone.add(NAME, "TXT", CODE.decode(), 300)
    # the sixth, so that it moves to the first page while the second one is on its way
    zone.records.insert(5, zone.records.pop())
    with CloudflareApi(TOKEN, zone, most_per_page=5) as api:
        publisher = options(api, zone_id=ID).open()
        api.script("list", Fault(), Fault(meanwhile=lambda: zone.records.pop(0)))
        assert await publisher.remove_txt(ZONE, NAME, CODE) == Withdrawn()
        await publisher.aclose()
    assert contents(zone) == [f"neighbour{number}" for number in range(1, 8)]


async def test_a_list_that_is_never_the_same_is_a_conflict(zone: Zone) -> None:
    for number in range(8):
        zone.add(NAME, "TXT", f"neighbour{number}", 300)
    with CloudflareApi(TOKEN, zone, most_per_page=5) as api:
        publisher = options(api, zone_id=ID).open()
        grow = Fault(meanwhile=lambda: zone.add(NAME, "A", "192.0.2.1"))
        api.script("list", *[grow] * 50)
        answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
        await publisher.aclose()
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.CONFLICT


async def test_a_list_without_an_end_is_given_up(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    always = [zone.shown(zone.add(NAME, "A", "192.0.2.1"))]
    endless = Fault(twist=lambda body: {**body, "result": always, "result_info": {"total_pages": 10**9}})
    api.script("list", *[endless] * 200)
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_REFUSED
    assert len(api.requests) < 150


# What it is made from


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"api_token": SecretStr("with blank")}, "api_token"),
        ({"api_token": SecretStr("")}, "api_token"),
        ({"api_token": SecretStr("caf\u00e9")}, "api_token"),
        ({"base_url": "http://api.example.com"}, "https"),
        ({"base_url": "https://user:pass@api.example.com"}, "user or password"),
        ({"zone_id": ID, "zones": ("a.test", "b.test")}, "zone_id"),
    ],
    ids=str,
)
def test_options_that_cannot_work_are_refused_before_the_first_call(wrong: dict[str, Any], named: str) -> None:
    good: dict[str, Any] = {"name": "cloudflare", "zones": (ZONE,), "api_token": SecretStr(TOKEN)}
    with pytest.raises(ValueError, match=named):
        CloudflareOptions(**{**good, **wrong}).open()


def test_the_vendors_address_is_the_default() -> None:
    assert CloudflareOptions("cloudflare", (ZONE,), SecretStr(TOKEN)).base_url == "https://api.cloudflare.com/client/v4"
