"""A publisher that sends TSIG-signed updates (RFC 2136, RFC 8945)."""

from datetime import timedelta
from typing import Literal

from pydantic import SecretStr, field_validator

from config.publishers.table import Publisher
from config.tables import ANY, setting
from config.values import ReferredSecret, Strings
from txtproof.adapters.publishers.rfc2136.publisher import Rfc2136Options
from txtproof.adapters.publishers.rfc2136.tsig_key import check_tsig
from txtproof.endpoints import endpoint


class Rfc2136(Publisher):
    """A primary name server, and the key that may write there."""

    kind: Literal["rfc2136"] = setting(..., "How it writes.", "rfc2136")
    server: str | None = setting(
        None, "Primary name server that takes the updates; without one, that of the zone's SOA.", "192.0.2.1:53"
    )
    resolvers: Strings = setting(
        (), "Resolvers that find it, where `server` is not given; without any, the system's.", '["192.0.2.53:53"]'
    )
    allow_private_primary: bool = setting(
        False, "Believe DNS that it is at a loopback, link-local or private address.", "true or false"
    )
    tsig_name: str = setting(..., "Name of the TSIG key.", "the key's name", min_length=1)
    tsig_algorithm: str = setting(
        "hmac-sha256", "Algorithm of the TSIG key.", "hmac-sha256", pattern=r"^[A-Za-z0-9-]+\.?$"
    )
    tsig_secret: ReferredSecret = setting(..., "Secret of the TSIG key, base64.", "env:NAME or file:PATH")

    def options(self, call_timeout: timedelta) -> Rfc2136Options:
        """Say in the behaviour's own words what is asked for."""
        return Rfc2136Options(
            name=self.name,
            zones=self.zones,
            server=self.server,
            tsig_name=self.tsig_name,
            tsig_algorithm=self.tsig_algorithm,
            tsig_secret=self.tsig_secret,
            call_timeout=call_timeout,
            resolvers=self.resolvers,
            allow_private_primary=self.allow_private_primary,
        )

    @field_validator("server")
    @classmethod
    def _server(cls, server: str | None) -> str | None:
        return server if server is None else endpoint(server)

    @field_validator("resolvers")
    @classmethod
    def _resolvers(cls, resolvers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(endpoint, resolvers))

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
