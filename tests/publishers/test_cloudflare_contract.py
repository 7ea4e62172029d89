"""The seven rules at Cloudflare, on a stand-in of its API."""

import pytest

from tests.publishers.cloudflare_api import CloudflareApi
from tests.publishers.cloudflare_scene import ZONE, options, running
from tests.publishers.cloudflare_zones import Owner, Zone
from txtproof.testing.publisher_contract import PublisherContract, World

__all__ = ["running"]


class TestCloudflare(PublisherContract):
    @pytest.fixture
    def world(self, running: CloudflareApi) -> World:
        zone = Zone(ZONE, "0" * 31 + "e")
        zone.add(ZONE, "TXT", "v=spf1 -all", 300)
        zone.add(ZONE, "MX", "mail.example.test", 1)
        return World(ZONE, Owner(zone), options(running.begin(zone)).open)
