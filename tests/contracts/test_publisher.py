"""The seven rules of `txtproof.testing.publisher_contract`, on memory and on what takes updates."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import dns.rdataclass
import dns.rdatatype
import pytest
from dns.rdtypes.ANY.TXT import TXT
from pydantic import SecretStr

from tests.real_servers import RealServer, served
from txtproof.adapters.publishers.rfc2136 import Rfc2136Options, Rfc2136Publisher
from txtproof.rehearsal.name_server import NameServers, ZoneSpec
from txtproof.testing.publisher import MemoryPublisher
from txtproof.testing.publisher_contract import PublisherContract, World
from txtproof.testing.zones import MemoryZones

ZONE = "example.test"
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


def over_the_wire(server: RealServer | NameServers, address: str, secret: str) -> World:
    options = Rfc2136Options(
        name="corp",
        zones=(ZONE,),
        server=f"{address}:{server.port}",
        tsig_name="tsig-test",
        tsig_secret=SecretStr(secret),
        call_timeout=timedelta(seconds=20),
    )
    return World(ZONE, OverTheWire(server, address), lambda: Rfc2136Publisher(options))


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
