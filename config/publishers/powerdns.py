"""A publisher that calls the HTTP API of a PowerDNS."""

from datetime import timedelta
from typing import Literal

from pydantic import SecretStr, field_validator

from config.publishers.table import Publisher
from config.tables import setting
from config.values import ReferredSecret
from txtproof.adapters.base_url import check_base_url
from txtproof.adapters.publishers.powerdns.api import check_api_key
from txtproof.adapters.publishers.powerdns.publisher import PowerDnsOptions


class PowerDns(Publisher):
    """A PowerDNS whose API takes changes, and the key of that API."""

    kind: Literal["powerdns"] = setting(..., "How it writes.", "powerdns")
    url: str = setting(..., "Address of the API, without /api/v1.", "https://HOST:8081")
    api_key: ReferredSecret = setting(..., "Key of the API.", "env:NAME or file:PATH")
    server_id: str = setting("localhost", "What the API calls the server.", "localhost", pattern=r"^[A-Za-z0-9._-]+$")

    def options(self, call_timeout: timedelta) -> PowerDnsOptions:
        """Say in the behaviour's own words what is asked for."""
        return PowerDnsOptions(self.name, self.zones, self.url, self.api_key, self.server_id, call_timeout)

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return check_base_url(url)

    @field_validator("api_key")
    @classmethod
    def _key(cls, key: SecretStr) -> SecretStr:
        return check_api_key(key)
