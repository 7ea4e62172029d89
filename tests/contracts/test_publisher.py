"""What every publisher must keep, on whatever stands behind it: the seven rules."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import dns.rdataclass
import dns.rdatatype
import pytest
from dns.rdtypes.ANY.TXT import TXT
from pydantic import SecretStr

from tests.real_servers import RealServer, served
from txtproof.adapters.publishers.rfc2136 import Rfc2136Options, Rfc2136Publisher
from txtproof.core.observations import Published, Withdrawn
from txtproof.ports import Publisher
from txtproof.rehearsal.name_server import NameServers, ZoneSpec
from txtproof.testing.publisher import MemoryPublisher
from txtproof.testing.zones import MemoryZones

ZONE = "example.test"
SPF = b"v=spf1 include:_spf.mail.test -all"
SECRET = "c2VjcmV0LW9mLXRoZS1yZWhlYXJzYWw="


class Provider(Protocol):
    """A DNS provider as its owner sees it, and not through the publisher."""

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        """Set the TXT set at a name; each value as its character-strings."""

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return TTL and values of the TXT set at a name."""

    def snapshot(self) -> Sequence[object]:
        """Return all that stands in the zone."""


class InMemory:
    def __init__(self, zones: MemoryZones) -> None:
        self._zones = zones

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        self._zones.put(name, ttl, *(b"".join(value) for value in strings))

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        found = self._zones.read(name)
        return (found.ttl, sorted(found.values)) if found else (None, [])

    def snapshot(self) -> Sequence[object]:
        return self._zones.snapshot(ZONE)


class OverTheWire:
    def __init__(self, server: RealServer | NameServers, address: str) -> None:
        self._server = server
        self._address = address

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        texts = [TXT(dns.rdataclass.IN, dns.rdatatype.TXT, value).to_text() for value in strings]
        self._server.put(ZONE, name, "TXT", ttl, *texts)

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        return served(self._address, self._server.port, name)

    def snapshot(self) -> Sequence[object]:
        return self._server.snapshot(ZONE)


@dataclass(frozen=True, slots=True)
class World:
    """A provider, and how to open a publisher for it: each worker has its own."""

    provider: Provider
    open_publisher: Callable[[], Publisher]


def over_the_wire(server: RealServer | NameServers, address: str, secret: str) -> World:
    options = Rfc2136Options(
        name="corp",
        zones=(ZONE,),
        server=f"{address}:{server.port}",
        tsig_name="tsig-test",
        tsig_secret=SecretStr(secret),
        call_timeout=timedelta(seconds=20),
    )
    return World(OverTheWire(server, address), lambda: Rfc2136Publisher(options))


@pytest.fixture(params=["memory", "rehearsal", "bind", "knot"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    match request.param:
        case "memory":
            zones = MemoryZones(ZONE)
            yield World(InMemory(zones), lambda: MemoryPublisher(zones))
        case "rehearsal":
            with NameServers([ZoneSpec(ZONE)], "tsig-test", SECRET, addresses=("127.0.0.1",)) as servers:
                yield over_the_wire(servers, "127.0.0.1", SECRET)
        case real:
            server: RealServer = request.getfixturevalue(real)
            yield over_the_wire(server, server.address, server.tsig_secret)


@pytest.fixture
def provider(world: World) -> Provider:
    return world.provider


@pytest.fixture
def publisher(world: World) -> Publisher:
    return world.open_publisher()


@pytest.fixture
def name() -> str:
    """A name that no other test has used: the real servers live on."""
    return f"n{secrets.token_hex(6)}.{ZONE}"


async def ensure(publisher: Publisher, name: str, value: bytes, *replaces: bytes) -> bool:
    answer = await publisher.ensure_txt(ZONE, name, value, 60, replaces)
    assert isinstance(answer, Published), answer
    return answer.changed


async def remove(publisher: Publisher, name: str, value: bytes) -> None:
    assert await publisher.remove_txt(ZONE, name, value) == Withdrawn()


# 1. Both calls are idempotent


async def test_a_value_that_stands_is_not_written_again(publisher: Publisher, provider: Provider, name: str) -> None:
    assert await ensure(publisher, name, b"code")
    written = provider.snapshot()
    assert not await ensure(publisher, name, b"code")
    assert provider.snapshot() == written
    assert provider.values(name) == (60, [b"code"])


async def test_a_value_may_be_removed_twice_and_where_it_never_was(
    publisher: Publisher, provider: Provider, name: str
) -> None:
    await remove(publisher, name, b"code")
    await ensure(publisher, name, b"code")
    await remove(publisher, name, b"code")
    await remove(publisher, name, b"code")
    assert provider.values(name) == (None, [])


# 2. Every other value stays, and the set's TTL


async def test_neighbours_and_their_ttl_stay(publisher: Publisher, provider: Provider, name: str) -> None:
    provider.put(name, 300, [SPF], [b"google-site-verification=1"])
    await ensure(publisher, name, b"code")
    assert provider.values(name) == (300, sorted([SPF, b"google-site-verification=1", b"code"]))
    await ensure(publisher, name, b"next", b"code")
    assert provider.values(name) == (300, sorted([SPF, b"google-site-verification=1", b"next"]))
    await remove(publisher, name, b"next")
    assert provider.values(name) == (300, sorted([SPF, b"google-site-verification=1"]))


async def test_the_apex_is_a_name_like_any_other(publisher: Publisher, provider: Provider) -> None:
    before = provider.snapshot()
    ttl, values = provider.values(ZONE)
    await ensure(publisher, ZONE, b"code at the apex")
    assert provider.values(ZONE) == (ttl or 60, sorted([*values, b"code at the apex"]))
    await remove(publisher, ZONE, b"code at the apex")
    assert provider.snapshot() == before


# 3. Values are opaque bytes


OPAQUE = {
    "quotes": b'say "code"',
    "only quotes": b'""',
    "backslashes": rb"C:\temp\065\"",
    "semicolon": b"v=1; code=2 ; comment",
    "blanks": b"  two  blanks  ",
    "parentheses": b"( code )",
    "directive": b"$INCLUDE /etc/hostname",
    "template": b"{code} %s ${code}",
    "unicode": "Prüfwert \u2603".encode(),
    "no text": bytes(range(256)),
    "line ends": b"one\r\ntwo\x00three",
    "255 bytes": b"a" * 255,
    "256 bytes": b"b" * 256,
    "510 bytes": b"c" * 510,
    "4,000 bytes": b"d" * 4000,
}


@pytest.mark.parametrize("value", OPAQUE.values(), ids=OPAQUE)
async def test_any_bytes_are_stored_as_they_are(
    publisher: Publisher, provider: Provider, name: str, value: bytes
) -> None:
    assert await ensure(publisher, name, value)
    assert provider.values(name) == (60, [value])
    assert await publisher.read_txt(ZONE, name) == [value]
    assert not await ensure(publisher, name, value)
    await remove(publisher, name, value)
    assert provider.values(name) == (None, [])


async def test_values_that_differ_in_case_or_blanks_are_different(
    publisher: Publisher, provider: Provider, name: str
) -> None:
    values = [b"Code", b"code", b"code ", b"CODE", b'"code"', b"code\\"]
    for value in values:
        assert await ensure(publisher, name, value)
    await remove(publisher, name, b"code")
    assert provider.values(name) == (60, sorted(set(values) - {b"code"}))


async def test_a_value_that_is_cut_in_another_way_is_the_same_value(
    publisher: Publisher, provider: Provider, name: str
) -> None:
    provider.put(name, 300, [b"co", b"de"], [b"v=spf1 ", b"-all"])
    before = provider.snapshot()
    assert not await ensure(publisher, name, b"code")
    assert provider.snapshot() == before
    await remove(publisher, name, b"code")
    assert provider.values(name) == (300, [b"v=spf1 -all"])


async def test_nothing_stands_where_nothing_was_written(publisher: Publisher, name: str) -> None:
    assert await publisher.read_txt(ZONE, name) == []


# 4. Eight calls at once all take effect


@pytest.mark.parametrize("ttl", [None, 300], ids=["at an empty name", "beside neighbours"])
async def test_eight_calls_at_once_all_take_effect(
    world: World, provider: Provider, name: str, ttl: int | None
) -> None:
    neighbours = [SPF] if ttl else []
    if ttl:
        provider.put(name, ttl, [SPF])
    values = [b"code %d" % number for number in range(8)]
    changed = await asyncio.gather(*(ensure(world.open_publisher(), name, value) for value in values))
    assert all(changed)
    assert provider.values(name) == (ttl or 60, sorted([*values, *neighbours]))
    await asyncio.gather(*(remove(world.open_publisher(), name, value) for value in values))
    assert provider.values(name) == (ttl, neighbours)


async def test_swaps_and_removals_at_once_all_take_effect(world: World, provider: Provider, name: str) -> None:
    provider.put(name, 300, [SPF], *([b"old %d" % number] for number in range(8)))
    swaps = [ensure(world.open_publisher(), name, b"new %d" % number, b"old %d" % number) for number in range(4)]
    removals = [remove(world.open_publisher(), name, b"old %d" % number) for number in range(4, 8)]
    await asyncio.gather(*swaps, *removals)
    assert provider.values(name) == (300, sorted([SPF, *(b"new %d" % number for number in range(4))]))


# 5. A swap leaves no window


async def test_a_swap_leaves_no_instant_without_a_valid_value(
    publisher: Publisher, provider: Provider, name: str
) -> None:
    await ensure(publisher, name, b"code 0")
    seen: list[list[bytes]] = []
    swapping = asyncio.create_task(swap_until(publisher, name, lambda: len(seen) >= 30))
    while not swapping.done():
        seen.append((await asyncio.to_thread(provider.values, name))[1])
    assert await swapping >= 20
    assert [len(values) for values in seen] == [1] * len(seen)


async def swap_until(publisher: Publisher, name: str, enough: Callable[[], bool]) -> int:
    """Swap one value for the next, 20 times at least; return how often."""
    number = 0
    while number < 20 or not enough():
        assert await ensure(publisher, name, b"code %d" % (number + 1), b"code %d" % number)
        number += 1
        await asyncio.sleep(0)
    return number


async def test_what_is_replaced_may_be_missing_or_the_value_itself(
    publisher: Publisher, provider: Provider, name: str
) -> None:
    assert await ensure(publisher, name, b"code", b"never was", b"code")
    assert not await ensure(publisher, name, b"code", b"code")
    assert provider.values(name) == (60, [b"code"])


async def test_what_is_replaced_goes_even_where_the_value_stands(
    publisher: Publisher, provider: Provider, name: str
) -> None:
    provider.put(name, 300, [SPF], [b"code"], [b"old"])
    assert await ensure(publisher, name, b"code", b"old")
    assert provider.values(name) == (300, sorted([SPF, b"code"]))


# 6. A repeat repairs what a cancelled call has left


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
async def test_a_repeat_repairs_a_cancelled_call(world: World, provider: Provider, name: str, turns: int) -> None:
    provider.put(name, 300, [SPF], [b"old"])
    before = provider.snapshot()
    publisher = world.open_publisher()
    await cancelled(publisher.ensure_txt(ZONE, name, b"code", 60, [b"old"]), turns)
    # half a swap is never seen
    assert provider.values(name) in [(300, sorted([SPF, b"old"])), (300, sorted([SPF, b"code"]))]
    await ensure(publisher, name, b"code", b"old")
    assert provider.values(name) == (300, sorted([SPF, b"code"]))
    await cancelled(publisher.remove_txt(ZONE, name, b"code"), turns)
    await remove(publisher, name, b"code")
    provider.put(name, 300, [SPF], [b"old"])
    assert provider.snapshot() == before


async def cancelled(call: Coroutine[object, object, object], turns: int) -> None:
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0.0002)
    task.cancel()
    await asyncio.wait([task])


# 7. After the removal the zone is what it was


async def test_the_zone_is_what_it_was_after_the_removal(publisher: Publisher, provider: Provider, name: str) -> None:
    provider.put(name, 300, [SPF], [b"cut ", b"in ", b"three"], [b'"quoted"'])
    before = provider.snapshot()
    for place in (name, f"_verify.{name}", f"a.b.c.{name}"):
        await ensure(publisher, place, b"code 1")
        await ensure(publisher, place, b"code 2", b"code 1")
        await remove(publisher, place, b"code 2")
    assert provider.snapshot() == before
