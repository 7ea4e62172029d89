"""A publisher that calls the API of Cloudflare."""

from datetime import timedelta
from typing import Literal

from pydantic import SecretStr, ValidationInfo, field_validator

from config.publishers.table import Publisher
from config.tables import PER_SECOND, setting
from config.values import Rate, ReferredSecret
from txtproof.adapters.base_url import check_base_url
from txtproof.adapters.publishers.cloudflare.exchange import check_api_token
from txtproof.adapters.publishers.cloudflare.publisher import BASE_URL, CloudflareOptions


class Cloudflare(Publisher):
    """Zones at Cloudflare, and a token that may edit their DNS."""

    kind: Literal["cloudflare"] = setting(..., "How it writes.", "cloudflare")
    api_token: ReferredSecret = setting(..., "API token that may edit the DNS of the zones.", "env:NAME or file:PATH")
    zone_id: str | None = setting(
        None, "Id of the zone, where it is one and the token may not search it.", "32 digits", pattern=r"^[0-9a-f]{32}$"
    )
    base_url: str = setting(BASE_URL, "Address of the API.", BASE_URL)
    # 1,200 requests in five minutes are a token's share, and a call makes two to four of them
    calls_per_second: Rate = setting(1.5, "Most calls a second, by all workers together.", **PER_SECOND)

    def options(self, call_timeout: timedelta) -> CloudflareOptions:
        """Say in the behaviour's own words what is asked for."""
        return CloudflareOptions(
            name=self.name,
            zones=self.zones,
            api_token=self.api_token,
            zone_id=self.zone_id,
            base_url=self.base_url,
            call_timeout=call_timeout,
        )

    @field_validator("api_token")
    @classmethod
    def _token(cls, token: SecretStr) -> SecretStr:
        return check_api_token(token)

    @field_validator("zone_id")
    @classmethod
    def _of_one(cls, zone_id: str | None, info: ValidationInfo) -> str | None:
        if zone_id and len(info.data.get("zones", ("",))) != 1:
            raise ValueError("is the id of one zone: name that one under zones, or leave zone_id out")
        return zone_id

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str) -> str:
        return check_base_url(url)
