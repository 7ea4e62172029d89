"""Providers of lexicon that write single values, on stand-ins of their vendors: the seven rules, over HTTPS."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.publishers.stand_in import Answering, Asked, Said, StandIn, standing_in
from tests.publishers.vendors import Cloudflare, DigitalOcean, Hetzner, Ovh, Vendor
from tests.publishers.vendors_of_sets import (
    Azure,
    FlexibleEngine,
    Gandi,
    GoDaddy,
    GoogleCloudDns,
    Linode,
    Vultr,
    said_nothing_of_writing,
)
from txtproof.adapters.publishers.lexicon.options import LexiconOptions
from txtproof.adapters.publishers.lexicon.rules import fits
from txtproof.adapters.publishers.locked import locked
from txtproof.core.observations import Blocked, Published, Unreachable, Withdrawn
from txtproof.core.reasons import Reason
from txtproof.testing.locks import MemoryLocks
from txtproof.testing.publisher_contract import SPF, Hand, PublisherContract, World


def options(vendor: Vendor, seconds: float = 20) -> LexiconOptions:
    settings = {name: SecretStr(value) for name, value in vendor.settings.items()}
    return LexiconOptions("theirs", (vendor.zone,), vendor.provider, settings, timedelta(seconds=seconds))


@contextmanager
def led_to(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, directory: Path, answering: Answering | None = None
) -> Iterator[StandIn]:
    """Have the vendor's names lead to its stand-in."""
    with standing_in(answering or vendor, *vendor.hosts) as server:
        for name, value in server.environ(directory).items():
            monkeypatch.setenv(name, value)
        yield server


class VendorContract(PublisherContract):
    vendor: type[Vendor]

    @pytest.fixture
    def world(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
        vendor = self.vendor()
        with led_to(vendor, monkeypatch, tmp_path):
            yield World(vendor.zone, vendor, options(vendor).open, takes=fits)

    async def test_the_zones_own_name_is_written_as_any_other(self, world: World, hand: Hand) -> None:
        world.provider.put(world.zone, 300, [SPF], [b"old"])
        before = world.provider.snapshot()
        assert await hand.ensure(world.zone, b"code", b"old")
        assert world.provider.values(world.zone) == (300, sorted([SPF, b"code"]))
        assert sorted(await hand.read(world.zone) or ()) == sorted([SPF, b"code"])
        assert not await hand.ensure(world.zone, b"code", b"old")
        await hand.remove(world.zone, b"code")
        world.provider.put(world.zone, 300, [SPF], [b"old"])
        assert world.provider.snapshot() == before

    async def test_an_alias_at_the_name_is_told(self, world: World, hand: Hand) -> None:
        assert isinstance(world.provider, Vendor)
        world.provider.add("CNAME", f"alias.{world.zone}", "www.example.test.", 300)
        answer = await hand.publisher.ensure_txt(world.zone, f"alias.{world.zone}", b"code", 60)
        assert answer == Blocked(Reason.NAME_IS_CNAME, f"alias.{world.zone} is a CNAME")


class TestCloudflare(VendorContract):
    vendor = Cloudflare


class TestHetzner(VendorContract):
    vendor = Hetzner


class TestOvh(VendorContract):
    vendor = Ovh


class TestDigitalOcean(VendorContract):
    vendor = DigitalOcean

    async def test_values_that_differ_in_case_or_blanks_are_different(  # type: ignore[override]  # fewer fixtures
        self, world: World, hand: Hand, name: str
    ) -> None:
        """lexicon takes them for one, so that the second is refused, and the first stays."""
        assert await hand.ensure(name, b"Code")
        answer = await hand.publisher.ensure_txt(world.zone, name, b"code", 60)
        why = "takes values for one that differ in case alone, and such a one is at"
        assert answer == Blocked(Reason.PUBLISHER_REFUSED, f"lexicon's digitalocean {why} {name}")
        await hand.remove(name, b"code")
        assert world.provider.values(name) == (60, [b"Code"])
        assert await hand.publisher.remove_txt(world.zone, name, b"Code") == Withdrawn()
        assert await hand.publisher.ensure_txt(world.zone, name, b"code", 60) == Published()


class TestGoogleCloudDns(VendorContract):
    """It writes whole sets, with the TTL that it is told: under the lock, and with the set's own."""

    vendor = GoogleCloudDns

    @pytest.fixture
    def world(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
        vendor, locks = self.vendor(), MemoryLocks()
        with led_to(vendor, monkeypatch, tmp_path):
            opened = lambda: locked(options(vendor).open(), "theirs", locks)  # noqa: E731  # it is called by name
            yield World(vendor.zone, vendor, opened, takes=fits)


async def test_signing_in_is_no_write_and_its_failure_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The token is had by POST; then nobody answers any more."""
    vendor, let_go = GoogleCloudDns(), threading.Event()

    def answering(asked: Asked) -> Said:
        if asked.method == "GET":
            let_go.wait(10)
        return vendor(asked)

    with led_to(vendor, monkeypatch, tmp_path, answering) as server:
        publisher = options(vendor, seconds=1).open()
        answer = await publisher.ensure_txt(vendor.zone, f"n.{vendor.zone}", b"code", 60)
        let_go.set()
        await publisher.aclose()
    assert [one.method for one in server.asked] == ["POST", "GET"]
    told = "lexicon's googleclouddns gave no answer in time"
    assert answer == Unreachable(Reason.PUBLISHER_UNREACHABLE, told)


HURTFUL = {
    Azure: "cuts long values anew",
    Gandi: "takes the quotes off values",
    GoDaddy: "writes all TXT records of the zone anew",
    FlexibleEngine: "deletes the whole set for one value",
    Linode: "takes no notice of their TTL",
}
at_the_hurtful = pytest.mark.parametrize(
    "vendor", [kind() for kind in HURTFUL], ids=[kind.provider for kind in HURTFUL]
)


@at_the_hurtful
@pytest.mark.parametrize("where", ["n.example.test", "example.test"], ids=["below", "at the apex"])
async def test_what_hurts_other_values_is_refused_where_there_are_any(
    vendor: Vendor, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vendor.put(where, 300, [SPF], [b"code"])
    before = vendor.snapshot()
    with led_to(vendor, monkeypatch, tmp_path) as server:
        publisher = options(vendor).open()
        answers = [
            await publisher.ensure_txt(vendor.zone, where, b"new", 300, [b"code"]),
            await publisher.remove_txt(vendor.zone, where, b"code"),
        ]
        await publisher.aclose()
    why = f"{HURTFUL[type(vendor)]}, and 1 of others stand at {where}"
    if isinstance(vendor, Linode) and where == vendor.zone:
        why = f"cannot write at the zone's own name, {where}"
    assert answers == [Blocked(Reason.PUBLISHER_REFUSED, f"lexicon's {vendor.provider} {why}")] * 2
    assert vendor.snapshot() == before
    assert said_nothing_of_writing(server.asked)


@at_the_hurtful
async def test_what_hurts_other_values_is_taken_where_there_are_none(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = f"alone.{vendor.zone}"
    vendor.put(f"other.{vendor.zone}", 900, [SPF])
    before = vendor.snapshot()
    with led_to(vendor, monkeypatch, tmp_path):
        publisher = options(vendor).open()
        assert await publisher.ensure_txt(vendor.zone, name, b"code", 900) == Published()
        assert vendor.values(name)[1] == [b"code"]
        assert await publisher.ensure_txt(vendor.zone, name, b"code", 900) == Published(changed=False)
        assert await publisher.read_txt(vendor.zone, name) == [b"code"]
        answer = await publisher.ensure_txt(vendor.zone, name, b"new", 900, [b"code"])
        if isinstance(vendor, FlexibleEngine):
            why = f"took no value beside the one that it replaces at {name}"
            assert answer == Blocked(Reason.PUBLISHER_REFUSED, f"lexicon's flexibleengine {why}")
        else:
            assert answer == Published()
            assert vendor.values(name)[1] == [b"new"]
        for value in (b"new", b"code"):
            assert await publisher.remove_txt(vendor.zone, name, value) == Withdrawn()
        await publisher.aclose()
    assert vendor.snapshot() == before


@pytest.mark.parametrize("vendor", [Linode(), Vultr()], ids=["linode", "vultr"])
async def test_the_zones_own_name_is_refused_where_lexicon_cannot_say_it(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vendor.put(vendor.zone, 300, [b"code"])
    with led_to(vendor, monkeypatch, tmp_path) as server:
        publisher = options(vendor).open()
        told = Blocked(
            Reason.PUBLISHER_REFUSED,
            f"lexicon's {vendor.provider} cannot write at the zone's own name, {vendor.zone}",
        )
        assert await publisher.ensure_txt(vendor.zone, vendor.zone, b"new", 60) == told
        assert await publisher.remove_txt(vendor.zone, vendor.zone, b"code") == told
        await publisher.aclose()
    assert server.asked == []


async def test_vultr_writes_below_the_zones_own_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vendor = Vultr()
    name = f"n.{vendor.zone}"
    vendor.put(name, 300, [SPF], [b"old"])
    with led_to(vendor, monkeypatch, tmp_path):
        publisher = options(vendor).open()
        assert await publisher.ensure_txt(vendor.zone, name, b"code", 60, [b"old"]) == Published()
        assert vendor.values(name) == (300, sorted([SPF, b"code"]))
        assert await publisher.remove_txt(vendor.zone, name, b"code") == Withdrawn()
        await publisher.aclose()
    assert vendor.values(name) == (300, [SPF])
