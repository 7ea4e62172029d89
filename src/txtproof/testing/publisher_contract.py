"""What every publisher must keep, on whatever stands behind it: the seven rules, as tests to be inherited.

A third party proves its own publisher like this, with pytest and pytest-asyncio (`asyncio_mode = "auto"`):

    pytest.register_assert_rewrite("txtproof.testing.publisher_contract")

    class TestMine(PublisherContract):
        @pytest.fixture
        def world(self) -> World:
            return World("example.test", MyProvider(...), lambda: MyPublisher(...))
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

import pytest

from txtproof.core.observations import Blocked, Published, Withdrawn
from txtproof.core.reasons import Reason
from txtproof.ports import Capability, Publisher

SPF = b"v=spf1 include:_spf.mail.test -all"


class Provider(Protocol):
    """A DNS provider as its owner sees it, and not through the publisher."""

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        """Set the TXT set at a name; each value as its character-strings."""

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return TTL and values of the TXT set at a name, sorted; None and nothing where there is none."""

    def snapshot(self) -> Sequence[object]:
        """Return all that stands in the zone, in an order that is always the same; no SOA, whose serial rises."""


@dataclass(frozen=True, slots=True)
class World:
    """A zone at a provider, and how to open a publisher for it: each worker has its own."""

    zone: str
    provider: Provider
    open_publisher: Callable[[], Publisher]
    takes: Callable[[bytes], bool] = lambda _: True
    """Whether the provider can hold a value at all: what it cannot must be refused, as `invalid_value`."""
    lists: bool = True
    """Whether the publisher can say what stands at a name; where it cannot, `read_txt` must answer None."""


@dataclass(frozen=True, slots=True)
class Hand:
    """A publisher at work in one zone."""

    publisher: Publisher
    zone: str

    @property
    def swaps_at_once(self) -> bool:
        """Say whether the old value goes in the instant in which the new one comes."""
        return Capability.ATOMIC_SWAP in self.publisher.capabilities

    async def ensure(self, name: str, value: bytes, *replaces: bytes) -> bool:
        """Have a value there; return whether that changed anything."""
        answer = await self.publisher.ensure_txt(self.zone, name, value, 60, replaces)
        assert isinstance(answer, Published), answer
        return answer.changed

    async def remove(self, name: str, value: bytes) -> None:
        """Have a value there no more."""
        answer = await self.publisher.remove_txt(self.zone, name, value)
        assert answer == Withdrawn(), answer

    async def read(self, name: str) -> Sequence[bytes] | None:
        """Return what the publisher says stands there."""
        return await self.publisher.read_txt(self.zone, name)


Opener = Callable[[], Hand]

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
"""Values that are to come out as they went in."""

NEIGHBOURS: tuple[tuple[bytes, ...], ...] = (
    (SPF,),
    (b"v=DKIM1; k=rsa; p=" + b"A" * 237, b"B" * 200),
    (rb'say "code" ; C:\temp\065\"  two  blanks ',),
)
"""Values that others have at a name, each as its character-strings: one is cut in two, one is hard to quote."""


class PublisherContract:
    """The seven rules. Inherit, and say with a fixture `world` where they are to hold."""

    @pytest.fixture
    def provider(self, world: World) -> Provider:
        """Return the provider, as its owner sees it."""
        return world.provider

    @pytest.fixture
    async def open_hand(self, world: World) -> AsyncIterator[Opener]:
        """Open publishers, each as another worker has it; all are closed in the end."""
        async with AsyncExitStack() as closing:

            def opened() -> Hand:
                publisher = world.open_publisher()
                closing.push_async_callback(publisher.aclose)
                return Hand(publisher, world.zone)

            yield opened

    @pytest.fixture
    def hand(self, open_hand: Opener) -> Hand:
        """Return one of them."""
        return open_hand()

    @pytest.fixture
    def name(self, world: World) -> str:
        """Return a name that no other test has used: real servers live on."""
        return f"n{secrets.token_hex(6)}.{world.zone}"

    # 1. Both calls are idempotent

    async def test_a_value_that_stands_is_not_written_again(self, hand: Hand, provider: Provider, name: str) -> None:
        assert await hand.ensure(name, b"code")
        written = provider.snapshot()
        assert not await hand.ensure(name, b"code")
        assert provider.snapshot() == written
        assert provider.values(name) == (60, [b"code"])

    async def test_a_value_may_be_removed_twice_and_where_it_never_was(
        self, hand: Hand, provider: Provider, name: str
    ) -> None:
        await hand.remove(name, b"code")
        await hand.ensure(name, b"code")
        await hand.remove(name, b"code")
        await hand.remove(name, b"code")
        assert provider.values(name) == (None, [])

    # 2. Every other value stays, and the set's TTL

    async def test_neighbours_and_their_ttl_stay(self, hand: Hand, provider: Provider, name: str) -> None:
        provider.put(name, 300, [SPF], [b"google-site-verification=1"])
        await hand.ensure(name, b"code")
        assert provider.values(name) == (300, sorted([SPF, b"google-site-verification=1", b"code"]))
        await hand.ensure(name, b"next", b"code")
        assert provider.values(name) == (300, sorted([SPF, b"google-site-verification=1", b"next"]))
        await hand.remove(name, b"next")
        assert provider.values(name) == (300, sorted([SPF, b"google-site-verification=1"]))

    async def test_the_apex_is_a_name_like_any_other(self, hand: Hand, provider: Provider) -> None:
        before = provider.snapshot()
        ttl, values = provider.values(hand.zone)
        await hand.ensure(hand.zone, b"code at the apex")
        assert provider.values(hand.zone) == (ttl or 60, sorted([*values, b"code at the apex"]))
        await hand.remove(hand.zone, b"code at the apex")
        assert provider.snapshot() == before

    # 3. Values are opaque bytes

    @pytest.mark.parametrize("value", OPAQUE.values(), ids=OPAQUE)
    async def test_any_bytes_are_stored_as_they_are(
        self, world: World, hand: Hand, provider: Provider, name: str, value: bytes
    ) -> None:
        if not world.takes(value):
            answer = await hand.publisher.ensure_txt(hand.zone, name, value, 60)
            assert isinstance(answer, Blocked), answer
            assert answer.reason is Reason.INVALID_VALUE
            assert provider.values(name) == (None, [])
            return
        assert await hand.ensure(name, value)
        assert provider.values(name) == (60, [value])
        assert await hand.read(name) == ([value] if world.lists else None)
        assert not await hand.ensure(name, value)
        await hand.remove(name, value)
        assert provider.values(name) == (None, [])

    async def test_values_that_differ_in_case_or_blanks_are_different(
        self, world: World, hand: Hand, provider: Provider, name: str
    ) -> None:
        values = list(filter(world.takes, [b"Code", b"code", b"code ", b"CODE", b'"code"', b"code\\"]))
        for value in values:
            assert await hand.ensure(name, value)
        await hand.remove(name, b"code")
        assert provider.values(name) == (60, sorted(set(values) - {b"code"}))

    async def test_a_value_that_is_cut_in_another_way_is_the_same_value(
        self, hand: Hand, provider: Provider, name: str
    ) -> None:
        provider.put(name, 300, [b"co", b"de"], [b"v=spf1 ", b"-all"])
        before = provider.snapshot()
        assert not await hand.ensure(name, b"code")
        assert provider.snapshot() == before
        await hand.remove(name, b"code")
        assert provider.values(name) == (300, [b"v=spf1 -all"])

    async def test_nothing_stands_where_nothing_was_written(self, world: World, hand: Hand, name: str) -> None:
        assert await hand.read(name) == ([] if world.lists else None)

    # 4. Eight calls at once all take effect

    @pytest.mark.parametrize("ttl", [None, 300], ids=["at an empty name", "beside neighbours"])
    async def test_eight_calls_at_once_all_take_effect(
        self, open_hand: Opener, provider: Provider, name: str, ttl: int | None
    ) -> None:
        neighbours = [SPF] if ttl else []
        if ttl:
            provider.put(name, ttl, [SPF])
        values = [b"code %d" % number for number in range(8)]
        changed = await asyncio.gather(*(open_hand().ensure(name, value) for value in values))
        assert all(changed)
        assert provider.values(name) == (ttl or 60, sorted([*values, *neighbours]))
        await asyncio.gather(*(open_hand().remove(name, value) for value in values))
        assert provider.values(name) == (ttl, neighbours)

    async def test_swaps_and_removals_at_once_all_take_effect(
        self, open_hand: Opener, provider: Provider, name: str
    ) -> None:
        provider.put(name, 300, [SPF], *([b"old %d" % number] for number in range(8)))
        swaps = [open_hand().ensure(name, b"new %d" % number, b"old %d" % number) for number in range(4)]
        removals = [open_hand().remove(name, b"old %d" % number) for number in range(4, 8)]
        await asyncio.gather(*swaps, *removals)
        assert provider.values(name) == (300, sorted([SPF, *(b"new %d" % number for number in range(4))]))

    # 5. A swap leaves no window

    async def test_a_swap_leaves_no_instant_without_a_valid_value(
        self, hand: Hand, provider: Provider, name: str
    ) -> None:
        await hand.ensure(name, b"code 0")
        seen: list[list[bytes]] = []
        swapping = asyncio.create_task(swap_until(hand, name, lambda: len(seen) >= 30))
        while not swapping.done():
            seen.append((await asyncio.to_thread(provider.values, name))[1])
        assert await swapping >= 20
        assert all(seen), "there was an instant without a value"
        assert {len(values) for values in seen} <= ({1} if hand.swaps_at_once else {1, 2})

    async def test_what_is_replaced_may_be_missing_or_the_value_itself(
        self, hand: Hand, provider: Provider, name: str
    ) -> None:
        assert await hand.ensure(name, b"code", b"never was", b"code")
        assert not await hand.ensure(name, b"code", b"code")
        assert provider.values(name) == (60, [b"code"])

    async def test_what_is_replaced_goes_even_where_the_value_stands(
        self, hand: Hand, provider: Provider, name: str
    ) -> None:
        provider.put(name, 300, [SPF], [b"code"], [b"old"])
        assert await hand.ensure(name, b"code", b"old")
        assert provider.values(name) == (300, sorted([SPF, b"code"]))

    # 6. A repeat repairs what a cancelled call has left

    @pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
    async def test_a_repeat_repairs_a_cancelled_call(
        self, hand: Hand, provider: Provider, name: str, turns: int
    ) -> None:
        provider.put(name, 300, [SPF], [b"old"])
        before = provider.snapshot()
        await cancelled(hand.ensure(name, b"code", b"old"), turns)
        halves = [[SPF, b"old"], [SPF, b"code"]]
        if not hand.swaps_at_once:
            halves.append([SPF, b"old", b"code"])
        assert provider.values(name) in [(300, sorted(half)) for half in halves]
        await hand.ensure(name, b"code", b"old")
        assert provider.values(name) == (300, sorted([SPF, b"code"]))
        await cancelled(hand.remove(name, b"code"), turns)
        await hand.remove(name, b"code")
        provider.put(name, 300, [SPF], [b"old"])
        assert provider.snapshot() == before

    # 7. After the removal the zone is what it was

    async def test_the_zone_is_what_it_was_after_the_removal(self, hand: Hand, provider: Provider, name: str) -> None:
        provider.put(name, 300, [SPF], [b"cut ", b"in ", b"three"], [b'"quoted"'])
        before = provider.snapshot()
        for place in (name, f"_verify.{name}", f"a.b.c.{name}"):
            await hand.ensure(place, b"code 1")
            await hand.ensure(place, b"code 2", b"code 1")
            await hand.remove(place, b"code 2")
        assert provider.snapshot() == before

    async def test_what_mail_rests_on_is_what_it_was_after_a_whole_life(
        self, open_hand: Opener, provider: Provider, name: str
    ) -> None:
        provider.put(name, 300, *NEIGHBOURS)
        neighbours = [b"".join(strings) for strings in NEIGHBOURS]
        before = provider.snapshot()
        first, second = open_hand(), open_hand()
        await first.ensure(name, b"code 1")
        await second.ensure(name, b"code 2")
        await first.ensure(name, b"code 3", b"code 1")
        assert provider.values(name) == (300, sorted([*neighbours, b"code 2", b"code 3"]))
        await second.remove(name, b"code 3")
        await first.remove(name, b"code 2")
        assert provider.snapshot() == before


async def swap_until(hand: Hand, name: str, enough: Callable[[], bool]) -> int:
    """Swap one value for the next, 20 times at least; return how often."""
    number = 0
    while number < 20 or not enough():
        assert await hand.ensure(name, b"code %d" % (number + 1), b"code %d" % number)
        number += 1
        await asyncio.sleep(0)
    return number


async def cancelled(call: Coroutine[object, object, object], turns: int) -> None:
    """Break a call off in its middle, after so many short waits."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0.0002)
    task.cancel()
    await asyncio.wait([task])
