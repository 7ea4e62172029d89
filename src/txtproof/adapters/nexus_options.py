"""How Nexus is called: where, by whom, for how long. What cannot work is refused here, before the first call."""

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr

from txtproof.adapters.base_url import check_base_url

_TOKEN = re.compile(r"[!-~]+")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = frozenset(
    {"authorization", "accept", "accept-encoding", "host", "connection", "content-length", "cookie"}
)


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """Bearer and ApplicationToken, both together. Raises ValueError where one cannot stand in a header."""

    token: SecretStr
    application_token: SecretStr
    header: str = "ApplicationToken"
    """Name of the header that the application token travels in."""

    def __post_init__(self) -> None:
        for name, secret in (("bearer token", self.token), ("application token", self.application_token)):
            if not _TOKEN.fullmatch(secret.get_secret_value()):
                raise ValueError(f"the {name} must be printable ASCII without blanks")
        if not _HEADER.fullmatch(self.header) or self.header.lower() in _OWN_HEADERS:
            raise ValueError(
                "the application token's header must be a header name of its own, such as ApplicationToken"
            )

    def headers(self) -> dict[str, str]:
        """Return what proves who calls."""
        return {
            "Authorization": f"Bearer {self.token.get_secret_value()}",
            self.header: self.application_token.get_secret_value(),
        }

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never be shown."""
        return self.token.get_secret_value(), self.application_token.get_secret_value()


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """User and password (RFC 7617, 2). Raises ValueError where they cannot be sent."""

    username: str
    password: SecretStr

    def __post_init__(self) -> None:
        if not self.username or ":" in self.username or not self.username.isprintable():
            raise ValueError("the user name must be printable, without a colon")
        if not self.password.get_secret_value().isprintable() or not self.password.get_secret_value():
            raise ValueError("the password must be printable and not empty")

    def headers(self) -> dict[str, str]:
        """Return what proves who calls."""
        return {"Authorization": f"Basic {self._pair()}"}

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never be shown."""
        return self.password.get_secret_value(), self._pair()

    def _pair(self) -> str:
        return b64encode(f"{self.username}:{self.password.get_secret_value()}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class NexusOptions:
    """How Nexus is called. Raises ValueError, as `check_base_url` does."""

    base_url: str
    auth: BearerAuth | BasicAuth
    call_timeout: timedelta = timedelta(seconds=10)
    """For the whole call: connecting, sending, and reading to the last byte."""

    def __post_init__(self) -> None:
        check_base_url(self.base_url)
        if self.call_timeout <= timedelta(0):
            raise ValueError("call_timeout must be more than nothing")
