"""From a name to the publisher that writes it."""

import pytest

from txtproof.adapters.publishers.routing import Registration, RoutedPublishing
from txtproof.core.model import Record
from txtproof.core.observations import Blocked, Published, RouteAnswer, Routed, Withdrawn
from txtproof.core.reasons import Reason
from txtproof.testing.publisher import MemoryPublisher
from txtproof.testing.zones import MemoryZones


def registered(**zones: tuple[str, ...]) -> list[Registration]:
    return [Registration(name, origins, MemoryPublisher(MemoryZones(*origins))) for name, origins in zones.items()]


def why(answer: RouteAnswer) -> str:
    assert isinstance(answer, Blocked), answer
    assert answer.reason is Reason.NO_ROUTE
    assert len(answer.detail) <= 200
    return answer.detail


@pytest.mark.parametrize(
    ("name", "publisher", "zone"),
    [
        ("example.test", "corp", "example.test"),
        ("_verify.example.test", "corp", "example.test"),
        ("a.b.c.example.test", "corp", "example.test"),
        ("sub.example.test", "branch", "sub.example.test"),
        ("_verify.sub.example.test", "branch", "sub.example.test"),
        ("notsub.example.test", "corp", "example.test"),
        ("_verify.EXAMPLE.Test.", "corp", "example.test"),
        ("mixed.test", "branch", "mixed.test"),
    ],
)
async def test_the_zone_with_the_most_labels_wins(name: str, publisher: str, zone: str) -> None:
    publishing = RoutedPublishing(registered(corp=("example.test",), branch=("sub.example.test", "Mixed.Test.")))
    assert await publishing.route(name) == Routed(publisher, zone, name)


@pytest.mark.parametrize("name", ["badexample.test", "example.test.invalid", "test", "xample.test", ""])
async def test_a_name_that_only_looks_alike_has_no_route(name: str) -> None:
    answer = await RoutedPublishing(registered(corp=("example.test",))).route(name)
    assert "example.test" in why(answer)


async def test_where_there_is_no_route_the_zones_that_have_one_are_listed() -> None:
    publishing = RoutedPublishing(registered(corp=("b.test", "a.test"), branch=("c.test",)))
    assert why(await publishing.route("d.invalid")).endswith("configured: a.test, b.test, c.test")


async def test_without_a_publisher_that_is_said() -> None:
    assert why(await RoutedPublishing([]).route("example.test")).endswith("configured: none")


async def test_many_zones_are_cut_short() -> None:
    few = RoutedPublishing(registered(corp=tuple(f"{number:02}.test" for number in range(40))))
    assert why(await few.route("d.invalid")).endswith("09.test and 30 more")
    long = RoutedPublishing(registered(corp=tuple(f"{'x' * 60}.{number}.test" for number in range(40))))
    assert why(await long.route("d.invalid"))


@pytest.mark.parametrize("again", ["example.test", "EXAMPLE.test", "example.test."])
def test_a_zone_of_two_publishers_is_refused_at_the_start(again: str) -> None:
    with pytest.raises(ValueError, match=r"'example\.test' is a zone of 'corp' and of 'branch'"):
        RoutedPublishing(registered(corp=("example.test",), branch=(again,)))


def test_a_name_of_two_publishers_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="two publishers are called 'corp'"):
        RoutedPublishing([*registered(corp=("a.test",)), *registered(corp=("b.test",))])


async def test_a_record_is_written_and_removed_by_its_publisher() -> None:
    (branch,) = registered(branch=("other.test",))
    zones = MemoryZones("example.test")
    publishing = RoutedPublishing([Registration("corp", ("example.test",), MemoryPublisher(zones)), branch])
    record = Record("corp", "example.test", "_verify.example.test", "cödé")
    zones.put(record.name, 300, b"old")
    assert await publishing.publish(record, 60, [b"old"]) == Published(changed=True)
    assert zones.snapshot("example.test") == [(record.name, 300, "cödé".encode())]
    assert await publishing.withdraw(record) == Withdrawn()
    assert zones.snapshot("example.test") == []


async def test_a_record_whose_publisher_is_gone_names_it() -> None:
    publishing = RoutedPublishing(registered(corp=("example.test",)))
    record = Record("former", "example.test", "_verify.example.test", "code")
    for answer in (await publishing.publish(record, 60), await publishing.withdraw(record)):
        assert isinstance(answer, Blocked)
        assert "former" in why(answer)
