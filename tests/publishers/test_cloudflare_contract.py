"""The seven rules at Cloudflare, on a stand-in of its API."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from tests.publishers.cloudflare_api import CloudflareApi
from tests.publishers.cloudflare_zones import Owner, Zone
from txtproof.adapters.publishers.cloudflare import CloudflareOptions
from txtproof.testing.publisher_contract import PublisherContract, World

ZONE = "example.test"
TOKEN = "cloudflare-token-hunter2"


class TestCloudflare(PublisherContract):
    @pytest.fixture
    def world(self) -> Iterator[World]:
        zone = Zone(ZONE, "0" * 31 + "e")
        zone.add(ZONE, "TXT", "v=spf1 -all", 300)
        zone.add(ZONE, "MX", "mail.example.test", 1)
        with CloudflareApi(TOKEN, zone) as api:
            options = CloudflareOptions(
                "cloudflare", (ZONE,), SecretStr(TOKEN), base_url=api.base_url, call_timeout=timedelta(seconds=20)
            )
            yield World(ZONE, Owner(zone), options.open)
