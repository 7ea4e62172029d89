"""The seven rules of `txtproof.testing.publisher_contract`, on memory and on what takes updates."""

from collections.abc import Iterator, Sequence

import pytest

from tests.publishers.updates import ZONE, over_the_wire
from tests.real_servers import RealServer
from txtproof.rehearsal.name_server import NameServers, ZoneSpec
from txtproof.testing.publisher import MemoryPublisher
from txtproof.testing.publisher_contract import PublisherContract, World
from txtproof.testing.zones import MemoryZones

SECRET = "c2VjcmV0LW9mLXRoZS1yZWhlYXJzYWw="


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


class TestMemory(PublisherContract):
    @pytest.fixture
    def world(self) -> World:
        zones = MemoryZones(ZONE)
        return World(ZONE, InMemory(zones), lambda: MemoryPublisher(zones))


class TestRehearsal(PublisherContract):
    @pytest.fixture
    def world(self) -> Iterator[World]:
        with NameServers([ZoneSpec(ZONE)], "tsig-test", SECRET, addresses=("127.0.0.1",)) as servers:
            yield over_the_wire(servers, "127.0.0.1", SECRET)


class TestBind(PublisherContract):
    @pytest.fixture
    def world(self, bind: RealServer) -> World:
        return over_the_wire(bind, bind.address, bind.tsig_secret)


class TestKnot(PublisherContract):
    @pytest.fixture
    def world(self, knot: RealServer) -> World:
        return over_the_wire(knot, knot.address, knot.tsig_secret)
