"""A crowd at one name of a PowerDNS, by its HTTP API: under locks in Redis, which all worker processes share."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from tests.publishers.crowd import TTL, Crowd, come_and_go
from tests.publishers.powerdns_api import RunningPowerDns, running_powerdns, text
from tests.publishers.powerdns_stand_in import API_KEY, PowerDnsStandIn
from tests.publishers.powerdns_turns import TakingTurns
from txtproof.adapters.publishers.powerdns.publisher import PowerDnsOptions, PowerDnsPublisher

ZONE = "example.test"


def opened(url: str, api_key: SecretStr) -> PowerDnsPublisher:
    return PowerDnsOptions("hosting", (ZONE,), url, api_key).open()


class Extending:
    """An owner (tests.publishers.crowd) who adds and removes single records, whoever writes at the same time."""

    def __init__(self, url: str) -> None:
        headers = {"X-API-Key": API_KEY}
        self._http = httpx.Client(base_url=f"{url}/api/v1/servers/localhost", headers=headers, trust_env=False)

    def add(self, name: str, value: bytes) -> None:
        self._change(name, "EXTEND", value)

    def remove(self, name: str, value: bytes) -> None:
        self._change(name, "PRUNE", value)

    def close(self) -> None:
        self._http.close()

    def _change(self, name: str, changetype: str, value: bytes) -> None:
        records = [{"content": text(value), "disabled": False}]
        change = {"name": f"{name}.", "type": "TXT", "changetype": changetype, "ttl": TTL, "records": records}
        self._http.patch(f"/zones/{ZONE}.", json={"rrsets": [change]}).raise_for_status()


@pytest.fixture
def powerdns(tmp_path: Path) -> Iterator[RunningPowerDns]:
    with running_powerdns(tmp_path) as running:
        yield running


def test_a_crowd_that_adds_single_records_loses_nothing(redis_url: str) -> None:
    with PowerDnsStandIn() as stand_in:
        owner = Extending(stand_in.url)
        opens = partial(opened, stand_in.url, SecretStr(API_KEY))
        told = come_and_go(Crowd(ZONE, stand_in, owner, opens, redis_url))
        owner.close()
    assert sum(tally.calls for tally in told) >= 110


def test_a_crowd_that_writes_whole_sets_loses_nothing(powerdns: RunningPowerDns, redis_url: str) -> None:
    owner = TakingTurns(powerdns, redis_url)
    opens = partial(opened, powerdns.url, SecretStr(powerdns.api_key))
    told = come_and_go(Crowd(ZONE, powerdns, owner, opens, redis_url))
    owner.close()
    assert sum(tally.calls for tally in told) >= 110
