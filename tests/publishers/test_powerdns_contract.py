"""The seven rules on PowerDNS's HTTP API: on a real 4.7, and on a stand-in of those that take single records."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from tests.publishers.powerdns_api import RunningPowerDns, running_powerdns
from tests.publishers.powerdns_stand_in import API_KEY, PowerDnsStandIn
from txtproof.adapters.publishers.locked import locked
from txtproof.adapters.publishers.powerdns.publisher import PowerDnsOptions
from txtproof.ports import Publisher
from txtproof.testing.locks import MemoryLocks
from txtproof.testing.publisher_contract import PublisherContract, World


@pytest.fixture(scope="module")
def powerdns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPowerDns]:
    with running_powerdns(tmp_path_factory.mktemp("powerdns")) as running:
        yield running


def world_of(provider: RunningPowerDns | PowerDnsStandIn, api_key: str) -> World:
    locks = MemoryLocks()
    zone = "example.test"

    def open_publisher() -> Publisher:
        timeout = timedelta(seconds=20)
        options = PowerDnsOptions("hosting", (zone,), provider.url, SecretStr(api_key), call_timeout=timeout)
        return locked(options.open(), "hosting", locks)

    return World(zone, provider, open_publisher)


class TestPowerDnsHttp(PublisherContract):
    @pytest.fixture
    def world(self, powerdns: RunningPowerDns) -> World:
        return world_of(powerdns, powerdns.api_key)


class TestPowerDnsExtends(PublisherContract):
    version = "5.0.2"

    @pytest.fixture
    def world(self) -> Iterator[World]:
        with PowerDnsStandIn(self.version) as stand_in:
            yield world_of(stand_in, API_KEY)


class TestPowerDnsExtendsAndHidesWhatIsDisabled(TestPowerDnsExtends):
    version = "4.9.12"
