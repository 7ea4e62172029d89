"""The publishers that the settings file can have, as [[publishers]]."""

import re
from typing import Literal

from pydantic import SecretStr, field_validator

from config.tables import ANY, IN_FLIGHT, PER_SECOND, Group, setting
from config.values import Number, Rate, ReferredSecret
from txtproof.adapters.publishers.signed_exchange import check_tsig
from txtproof.core.names import canonical, fits
from txtproof.endpoints import endpoint


class Rfc2136(Group):
    """A publisher that sends TSIG-signed updates (RFC 2136, RFC 8945). Stands in the file, as [[publishers]]."""

    name: str = setting(..., "What it is called in records, events and logs.", "a word", pattern=r"^[\w.-]{1,60}$")
    kind: Literal["rfc2136"] = setting(..., "How it writes.", "rfc2136")
    zones: tuple[str, ...] = setting(..., "Zones that it writes.", '["example.com"]')
    server: str = setting(..., "Primary name server that takes the updates.", "192.0.2.1:53")
    tsig_name: str = setting(..., "Name of the TSIG key.", "the key's name", min_length=1)
    tsig_algorithm: str = setting(
        "hmac-sha256", "Algorithm of the TSIG key.", "hmac-sha256", pattern=r"^[A-Za-z0-9-]+\.?$"
    )
    tsig_secret: ReferredSecret = setting(..., "Secret of the TSIG key, base64.", "env:NAME or file:PATH")

    calls_in_flight: Number = setting(8, "Most calls at a time, by all workers together.", **IN_FLIGHT)
    calls_per_second: Rate = setting(50.0, "Most calls a second, by all workers together.", **PER_SECOND)

    @field_validator("server")
    @classmethod
    def _server(cls, server: str) -> str:
        return endpoint(server)

    @field_validator("zones")
    @classmethod
    def _zones(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        for zone in zones:
            if not re.fullmatch(r"[A-Za-z0-9_.-]+", zone) or not fits(zone):
                raise ValueError(f"{zone[:60]!r} is no zone: write its name in A-labels, such as example.com")
        if not zones:
            raise ValueError('names no zone: write, for example, ["example.com"]')
        return tuple(map(canonical, zones))

    @field_validator("tsig_name")
    @classmethod
    def _key(cls, name: str) -> str:
        check_tsig(name, "hmac-sha256", ANY)
        return name

    @field_validator("tsig_algorithm")
    @classmethod
    def _algorithm(cls, algorithm: str) -> str:
        check_tsig("key", algorithm, ANY)
        return algorithm

    @field_validator("tsig_secret")
    @classmethod
    def _secret(cls, secret: SecretStr) -> SecretStr:
        check_tsig("key", "hmac-sha256", secret)
        return secret
