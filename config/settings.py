"""Every setting once: its type, its default, what it is for, and what to write.

The environment variable of `nexus.base_url` is `TXTPROOF_NEXUS__BASE_URL`; the same names, as tables, stand in the
TOML file that `TXTPROOF_CONFIG_FILE` names. Read in worker/bootstrap.py and nowhere else.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from config.sources import from_file, variable, with_environment
from config.values import Duration, ReferredSecret, Secret, Strings, endpoint
from txtproof.adapters.nexus import check_base_url
from txtproof.adapters.publishers.signed_exchange import check_tsig
from txtproof.core.names import canonical, fits
from txtproof.core.policy import Policy


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
        return _with_scheme(url, "redis://", "rediss://", "unix://")


class Broker(Group):
    """Where Celery's doorbells ring."""

    url: SecretStr | None = setting(None, "Celery's broker; without one, the Redis of the store.", "amqp://HOST:5672//")

    @field_validator("url")
    @classmethod
    def _scheme(cls, url: SecretStr | None) -> SecretStr | None:
        return url and _with_scheme(url, "redis://", "rediss://", "amqp://", "amqps://")


class Nexus(Group):
    """The API that issues codes. Either Bearer and ApplicationToken together, or Basic."""

    base_url: str = setting(..., "Address of the Nexus API, without /v1.", "https://HOST")
    bearer_token: Secret | None = setting(None, "Bearer token; needs the application token too.", "the token")
    application_token: Secret | None = setting(None, "Application token, sent beside the Bearer token.", "the token")
    application_token_header: str = setting(
        "ApplicationToken", "Header that the application token travels in.", "a header's name", pattern=r"^[!-9;-~]+$"
    )
    basic_username: str | None = setting(None, "User for Basic authentication.", "the user's name")
    basic_password: Secret | None = setting(None, "Password for Basic authentication.", "the password")
    calls_in_flight: int = setting(8, "Most calls at a time, per process.", "a number from 1 to 1000", ge=1, le=1000)

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str) -> str:
        return check_base_url(url)

    @model_validator(mode="after")
    def _one_way(self) -> "Nexus":
        bearer = [self.bearer_token, self.application_token]
        basic = [self.basic_username, self.basic_password]
        if any(bearer) and any(basic):
            raise ValueError(
                "TXTPROOF_NEXUS__BEARER_TOKEN and TXTPROOF_NEXUS__BASIC_USERNAME exclude each other: "
                "keep Bearer with its application token, or Basic with its password"
            )
        if not any(bearer) and not any(basic):
            raise ValueError(
                "no credential: write TXTPROOF_NEXUS__BEARER_TOKEN and TXTPROOF_NEXUS__APPLICATION_TOKEN, "
                "or TXTPROOF_NEXUS__BASIC_USERNAME and TXTPROOF_NEXUS__BASIC_PASSWORD"
            )
        for name in ("bearer_token", "application_token") if any(bearer) else ("basic_username", "basic_password"):
            if not getattr(self, name):
                raise ValueError(f"{variable(('nexus', name))} is missing: both parts of the credential are needed")
        return self


class Dns(Group):
    """The look at DNS."""

    resolvers: Strings = setting((), "Resolvers that find zones; without any, the system's.", '["192.0.2.53:53"]')
    authoritative_port: int = setting(53, "Port of authoritative servers.", "a port from 1 to 65535", ge=1, le=65535)
    allow_private_servers: bool = setting(
        False, "Ask name servers at loopback, link-local and private addresses too.", "true or false"
    )

    @field_validator("resolvers")
    @classmethod
    def _addresses(cls, resolvers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(endpoint, resolvers))


class Record(Group):
    """The TXT record."""

    name: str = setting("{domain}", "Where the record stands.", "{domain}, or a label in front: _label.{domain}")
    value: str = setting("{code}", "What the record says.", "{code}, with text around it if need be")
    ttl: int = setting(60, "TTL of a new TXT set, in seconds.", "a number from 1 to 86400", ge=1, le=86400)

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        return _template(name, "{domain}")

    @field_validator("value")
    @classmethod
    def _value(cls, value: str) -> str:
        return _template(value, "{code}")


class Rules(Group):
    """How long and how often."""

    deadline: Duration = setting(
        timedelta(days=7), "How long a verification may take.", "up to 30d", gt=timedelta(0), le=timedelta(days=30)
    )
    assumed_code_lifetime: Duration = setting(
        timedelta(days=7), "How long a code lives where Nexus does not say.", "such as 7d", gt=timedelta(0)
    )
    blocked_retry: Duration = setting(
        timedelta(hours=1), "How often what is blocked is tried again.", "such as 1h", ge=timedelta(seconds=1)
    )
    records: Literal["keep", "withdraw"] = setting(
        "keep", "What becomes of a verified domain's record.", "keep or withdraw"
    )
    withdraw_after: Duration = setting(
        timedelta(0), "How long after the end a record is withdrawn.", "such as 1h", ge=timedelta(0)
    )


class Worker(Group):
    """The processes."""

    concurrency: int = setting(6, "Pool processes: one per lane, one for commands, one spare.", "1 to 64", ge=1, le=64)
    log_format: Literal["json", "console"] = setting("json", "How log lines look.", "json or console")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO", "Least level that is logged.", "DEBUG, INFO, WARNING or ERROR"
    )


class Rfc2136(Group):
    """A publisher that sends TSIG-signed updates (RFC 2136, RFC 8945). Stands in the file, as [[publishers]]."""

    name: str = setting(..., "What it is called in records, events and logs.", "a word", pattern=r"^[\w.-]{1,60}$")
    kind: Literal["rfc2136"] = setting(..., "How it writes.", "rfc2136")
    zones: tuple[str, ...] = setting(..., "Zones that it writes.", '["example.com"]', min_length=1)
    server: str = setting(..., "Primary name server that takes the updates.", "192.0.2.1:53")
    tsig_name: str = setting(..., "Name of the TSIG key.", "the key's name")
    tsig_algorithm: str = setting("hmac-sha256", "Algorithm of the TSIG key.", "hmac-sha256")
    tsig_secret: ReferredSecret = setting(..., "Secret of the TSIG key, base64.", "env:NAME or file:PATH")

    @field_validator("server")
    @classmethod
    def _server(cls, server: str) -> str:
        return endpoint(server)

    @field_validator("zones")
    @classmethod
    def _zones(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        for zone in zones:
            if not zone.isascii() or not fits(zone):
                raise ValueError(f"{zone[:60]!r} is no zone: write its name in A-labels, such as example.com")
        return tuple(map(canonical, zones))

    @model_validator(mode="after")
    def _key(self) -> "Rfc2136":
        check_tsig(self.tsig_name, self.tsig_algorithm, self.tsig_secret)
        return self


class Settings(Group):
    """All of it."""

    redis: Redis = Field(default_factory=dict, validate_default=True)
    broker: Broker = Field(default_factory=Broker)
    nexus: Nexus = Field(default_factory=dict, validate_default=True)
    dns: Dns = Field(default_factory=Dns)
    record: Record = Field(default_factory=Record)
    policy: Rules = Field(default_factory=Rules)
    worker: Worker = Field(default_factory=Worker)
    publishers: tuple[Rfc2136, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "Settings":
        for what, given in (
            ("name", [one.name for one in self.publishers]),
            ("zone", [zone for one in self.publishers for zone in one.zones]),
        ):
            twice = [name for name, count in Counter(given).items() if count > 1]
            if twice:
                raise ValueError(f"publishers: the {what} {twice[0]} is given twice: give it to one publisher")
        return self

    @property
    def broker_url(self) -> str:
        """Return where Celery's messages travel."""
        return (self.broker.url or self.redis.url).get_secret_value()

    def policy_rules(self) -> Policy:
        """Return what the core needs to know of all this."""
        return Policy(
            deadline=self.policy.deadline,
            assumed_code_lifetime=self.policy.assumed_code_lifetime,
            blocked_retry=self.policy.blocked_retry,
            record_name=self.record.name,
            record_value=self.record.value,
            record_ttl=self.record.ttl,
            records=self.policy.records,
            withdraw_after=self.policy.withdraw_after,
        )


class SettingsProblems(Exception):
    """Settings that the worker cannot start with: all of them, each with what to write."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def known_settings() -> dict[str, tuple[str, ...]]:
    """Return each environment variable with the path of its setting."""
    groups = {name: field.annotation for name, field in Settings.model_fields.items() if name != "publishers"}
    paths = [(name, one) for name, group in groups.items() for one in group.model_fields]  # type: ignore[union-attr]  # groups only
    return {variable(path): path for path in paths}


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read all settings. Raises SettingsProblems with everything that is wrong, never with a value that is secret."""
    file, unreadable = from_file(environ)
    whole, unknown = with_environment(file, environ, known_settings())
    problems = unreadable + unknown
    try:
        settings = Settings.model_validate(whole, context={"environ": environ})
    except ValidationError as wrong:
        problems += [_problem(error, whole) for error in wrong.errors(include_url=False, include_input=False)]
    if problems:
        raise SettingsProblems(tuple(problems))
    return settings


def _problem(error: ErrorDetails, whole: Mapping[str, Any]) -> str:
    path = [str(part) for part in error["loc"]]
    text = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if error["type"] == "missing":
        text = "is missing"
    elif error["type"] == "extra_forbidden":
        return f"{_spoken(path, whole)} is not a setting: take it out of the file"
    written = _hint(path)
    if not path or text.startswith("publishers") or (len(path) == 1 and path[0] == "nexus"):
        return text if text.startswith("TXTPROOF") or not path else f"{path[0]}: {text}"
    return f"{_spoken(path, whole)}: {text}" + (f": write {written}" if written and "write" not in text else "")


def _spoken(path: list[str], whole: Mapping[str, Any]) -> str:
    """Name a setting as its user knows it: by variable, or by publisher and key of the file."""
    if path[0] != "publishers" or len(path) < 2:
        return variable(path) if len(path) > 1 else path[0]
    publishers = whole.get("publishers")
    place = int(path[1])
    named = (
        publishers[place].get("name") if isinstance(publishers, list) and isinstance(publishers[place], dict) else None
    )
    return " ".join([f"publisher {str(named or place + 1)[:60]}:", *path[2:]])


def _hint(path: list[str]) -> str:
    groups: dict[str, type[BaseModel]] = {"publishers": Rfc2136}
    group = (
        groups.get(path[0]) or Settings.model_fields[path[0]].annotation
        if path and path[0] in Settings.model_fields
        else None
    )
    field = getattr(group, "model_fields", {}).get(path[-1])
    return str(field.json_schema_extra["write"]) if field is not None and field.json_schema_extra else ""


def _with_scheme(url: SecretStr, *schemes: str) -> SecretStr:
    if not url.get_secret_value().startswith(schemes):
        raise ValueError(f"write an address that begins with {' or '.join(schemes)}")
    return url


def _template(text: str, needed: str) -> str:
    if text.count(needed) != 1 or set("{}") & set(text.replace(needed, "")):
        raise ValueError(f"must have {needed} in it once, and no other braces")
    return text
