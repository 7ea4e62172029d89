"""A publisher that writes to Amazon Route 53."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import ValidationInfo, field_validator, model_validator

from config.publishers.table import Publisher
from config.tables import PER_SECOND, setting
from config.values import Rate, ReferredSecret
from txtproof.adapters.base_url import check_base_url
from txtproof.adapters.publishers.route53.options import Route53Options, check_boto3


class Route53(Publisher):
    """One AWS credential, and the hosted zones that it may write."""

    kind: Literal["route53"] = setting(..., "How it writes; needs the extra of that name.", "route53")
    calls_per_second: Rate = setting(
        5.0, "Most calls a second, by all workers together; each is two requests or three.", **PER_SECOND
    )
    access_key_id: ReferredSecret | None = setting(
        None, "Access key; without one, boto3 looks for credentials itself.", "env:NAME or file:PATH"
    )
    secret_access_key: ReferredSecret | None = setting(None, "Secret of the access key.", "env:NAME or file:PATH")
    hosted_zone_id: str | None = setting(
        None, "Hosted zone of the one zone; without it, found by name.", "Z0123456789ABC", pattern=r"^[A-Z0-9]{1,32}$"
    )
    endpoint_url: str | None = setting(None, "Address of the API; without one, Amazon's.", "https://HOST")

    def options(self, call_timeout: timedelta) -> Route53Options:
        """Say in the behaviour's own words what is asked for."""
        return Route53Options(
            name=self.name,
            zones=self.zones,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            hosted_zone_id=self.hosted_zone_id,
            endpoint_url=self.endpoint_url,
            call_timeout=call_timeout,
        )

    @field_validator("kind")
    @classmethod
    def _installed(cls, kind: str) -> str:
        check_boto3()
        return kind

    @field_validator("hosted_zone_id")
    @classmethod
    def _of_one_zone(cls, zone_id: str | None, info: ValidationInfo) -> str | None:
        if zone_id is not None and len(info.data.get("zones", ())) > 1:
            raise ValueError("is that of one zone, but there are several: give each a publisher, or leave it out")
        return zone_id

    @field_validator("endpoint_url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        return url and check_base_url(url)

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together: write both, or neither")
        return self
