"""The tables of the settings: every name once, with its default, its meaning and what one writes there."""

import re
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from config.values import Duration, Number, Rate, Secret, Strings
from txtproof.adapters.base_url import check_base_url
from txtproof.adapters.dns.ways import way
from txtproof.adapters.nexus import BasicAuth, BearerAuth
from txtproof.adapters.redis_connection import SCHEMES, check_redis_url, check_server_url
from txtproof.endpoints import endpoint

LONGEST = timedelta(days=365)
"""No duration is longer: what is added to now must stay a date."""
ANY = SecretStr("AAAA")
"""Stands for the other parts where one part of a credential is checked: as a token, and as base64."""


IN_FLIGHT: dict[str, Any] = {"write": "a number from 1 to 1000", "ge": 1, "le": 1000}
PER_SECOND: dict[str, Any] = {"write": "a number from 0.01 to 10000", "ge": 0.01, "le": 10_000}


def setting(default: Any, what: str, write: str, **limits: Any) -> Any:
    """Describe a setting: what it is for, and what one writes there."""
    return Field(default, description=what, json_schema_extra={"write": write}, **limits)


class Group(BaseModel):
    """A table of settings; a name that is not in it is an error, and no value is ever shown in one."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False)


class Redis(Group):
    """The store."""

    url: SecretStr = setting(..., "Redis >= 6.2 or Valkey that holds everything.", "redis://HOST:6379/0")

    @field_validator("url")
    @classmethod
    def _scheme(cls, url: SecretStr) -> SecretStr:
        check_redis_url(url.get_secret_value())
        return url


class Broker(Group):
    """Where Celery's doorbells ring."""

    url: SecretStr | None = setting(None, "Celery's broker; without one, the Redis of the store.", "amqp://HOST:5672//")

    @field_validator("url")
    @classmethod
    def _scheme(cls, url: SecretStr | None) -> SecretStr | None:
        if url:
            check_server_url(url.get_secret_value(), "amqp", "amqps", *SCHEMES)
        return url


class Nexus(Group):
    """The API that issues codes. Either Bearer and ApplicationToken together, or Basic."""

    base_url: str = setting(..., "Address of the Nexus API, without /v1.", "https://HOST")
    bearer_token: Secret | None = setting(None, "Bearer token; needs the application token too.", "the token")
    application_token: Secret | None = setting(None, "Application token, sent beside the Bearer token.", "the token")
    application_token_header: str = setting(
        "ApplicationToken", "Header that the application token travels in.", "a header's name"
    )
    basic_username: str | None = setting(None, "User for Basic authentication.", "the user's name")
    basic_password: Secret | None = setting(None, "Password for Basic authentication.", "the password")
    calls_in_flight: Number = setting(8, "Most calls at a time, by all workers together.", **IN_FLIGHT)
    calls_per_second: Rate = setting(50.0, "Most calls a second, by all workers together.", **PER_SECOND)

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str) -> str:
        return check_base_url(url)

    @field_validator("bearer_token", "application_token")
    @classmethod
    def _token(cls, token: SecretStr | None) -> SecretStr | None:
        return token and BearerAuth(token, token).token

    @field_validator("application_token_header")
    @classmethod
    def _header(cls, header: str) -> str:
        return BearerAuth(ANY, ANY, header).header

    @field_validator("basic_username")
    @classmethod
    def _username(cls, username: str | None) -> str | None:
        return username and BasicAuth(username, ANY).username

    @field_validator("basic_password")
    @classmethod
    def _password(cls, password: SecretStr | None) -> SecretStr | None:
        return password and BasicAuth("user", password).password


class Dns(Group):
    """The look at DNS."""

    resolvers: Strings = setting((), "Resolvers that find zones; without any, the system's.", '["192.0.2.53:53"]')
    authoritative_port: Number = setting(53, "Port of authoritative servers.", "a port from 1 to 65535", ge=1, le=65535)
    allow_private_servers: bool = setting(
        False, "Ask name servers at loopback, link-local and private addresses too.", "true or false"
    )
    views: Strings = setting(
        (),
        "Recursive resolvers that must see a match as well.",
        '["192.0.2.53:53", "tls://192.0.2.53:853#name", "https://host/dns-query"]',
    )
    views_needed: Number = setting(0, "How many of them must.", "a number up to theirs, or 0 for all", ge=0, le=100)

    @field_validator("resolvers")
    @classmethod
    def _addresses(cls, resolvers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(endpoint, resolvers))

    @field_validator("views")
    @classmethod
    def _ways(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        for one in views:
            way(one)
        return views

    @field_validator("views_needed")
    @classmethod
    def _enough(cls, needed: int, info: ValidationInfo) -> int:
        if needed > (there := len(info.data.get("views", ()))):
            raise ValueError(f"there are {there} views: write a number up to that, or 0 for all")
        return needed


class Record(Group):
    """The TXT record."""

    name: str = setting("{domain}", "Where the record stands.", "{domain}, or a label in front: _label.{domain}")
    value: str = setting("{code}", "What the record says.", "{code}, with text around it if need be", max_length=1000)
    ttl: Number = setting(60, "TTL of a new TXT set, in seconds.", "a number from 1 to 86400", ge=1, le=86400)

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if not re.fullmatch(r"([A-Za-z0-9_-]{1,63}\.)*\{domain\}", name):
            raise ValueError("is no name of a record: write {domain}, or labels in front of it: _label.{domain}")
        return name

    @field_validator("value")
    @classmethod
    def _value(cls, value: str) -> str:
        around = value.replace("{code}", "", 1)
        if around == value or set("{}") & set(around) or not value.isprintable():
            raise ValueError("must have {code} in it once and no other braces: write {code}, with text around it")
        return value


class Rules(Group):
    """How long and how often."""

    deadline: Duration = setting(
        timedelta(days=7), "How long a verification may take.", "up to 30d", gt=timedelta(0), le=timedelta(days=30)
    )
    assumed_code_lifetime: Duration = setting(
        timedelta(days=7), "How long a code lives where Nexus does not say.", "such as 7d", gt=timedelta(0), le=LONGEST
    )
    blocked_retry: Duration = setting(
        timedelta(hours=1),
        "How often what is blocked is tried again.",
        "such as 1h",
        ge=timedelta(seconds=1),
        le=LONGEST,
    )
    records: Literal["keep", "withdraw"] = setting(
        "keep", "What becomes of a verified domain's record.", "keep or withdraw"
    )
    withdraw_after: Duration = setting(
        timedelta(0),
        "How long after the end a verified domain's record is withdrawn, if it is.",
        "such as 7d",
        ge=timedelta(0),
        le=LONGEST,
    )

    @field_validator("withdraw_after")
    @classmethod
    def _withdrawn(cls, after: timedelta, info: ValidationInfo) -> timedelta:
        if after and info.data.get("records") == "keep":
            raise ValueError("says when, but records are kept: set records to withdraw as well, or drop this")
        return after


class Retention(Group):
    """How long what is over is kept."""

    ended: Duration = setting(
        timedelta(days=30),
        "How long a verification that has ended is kept, with its history.",
        "such as 30d",
        ge=timedelta(seconds=1),
        le=LONGEST,
    )
    events: Duration = setting(
        timedelta(days=7), "How long an event is kept.", "such as 7d", ge=timedelta(seconds=1), le=LONGEST
    )
    events_kept: Number = setting(
        1_000_000, "How many events are kept at the most, about.", "a number from 1000 on", ge=1000, le=100_000_000
    )


class Worker(Group):
    """The processes."""

    concurrency: Number = setting(
        6, "Pool processes: one per lane, one for commands, one spare.", "1 to 64", ge=1, le=64
    )
    log_format: Literal["json", "console"] = setting("json", "How log lines look.", "json or console")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO", "Least level that is logged.", "DEBUG, INFO, WARNING or ERROR"
    )
