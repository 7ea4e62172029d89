"""All settings together, read from the environment and the file that it names.

The environment variable of `nexus.base_url` is `TXTPROOF_NEXUS__BASE_URL`; the same names, as tables, stand in the
TOML file that `TXTPROOF_CONFIG_FILE` names. Read in worker/bootstrap.py and nowhere else.
"""

from collections.abc import Mapping

from pydantic import BaseModel, Field, ValidationError

from config.problems import SettingsProblems, of_credentials, of_repetition, of_secrets, told
from config.publishers import AnyPublisher, known_kinds
from config.sources import from_file, variable, with_environment
from config.tables import Broker, Dns, Group, Nexus, Record, Redis, Retention, Rules, Worker
from txtproof.core.policy import Policy


class Settings(Group):
    """All of it."""

    redis: Redis = Field(default_factory=dict, validate_default=True)
    broker: Broker = Field(default_factory=Broker)
    nexus: Nexus = Field(default_factory=dict, validate_default=True)
    dns: Dns = Field(default_factory=Dns)
    record: Record = Field(default_factory=Record)
    policy: Rules = Field(default_factory=Rules)
    retention: Retention = Field(default_factory=Retention)
    worker: Worker = Field(default_factory=Worker)
    publishers: tuple[AnyPublisher, ...] = ()

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


_TABLES: dict[str, type[BaseModel]] = {
    "redis": Redis,
    "broker": Broker,
    "nexus": Nexus,
    "dns": Dns,
    "record": Record,
    "policy": Rules,
    "retention": Retention,
    "worker": Worker,
}


def known_settings() -> dict[str, tuple[str, ...]]:
    """Return each environment variable with the path of its setting."""
    return {variable((table, name)): (table, name) for table, group in _TABLES.items() for name in group.model_fields}


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read all settings. Raises SettingsProblems with everything that is wrong, never with a value that is secret."""
    file, unreadable = from_file(environ)
    whole, unknown = with_environment(file, environ, known_settings())
    problems = [*unreadable, *unknown, *of_secrets(file)]
    try:
        settings = Settings.model_validate(whole, context={"environ": environ})
    except ValidationError as wrong:
        kinds = known_kinds()
        problems += [
            told(error, whole, _TABLES, kinds) for error in wrong.errors(include_url=False, include_input=False)
        ]
    problems += [*of_credentials(whole), *of_repetition(whole)]
    if problems:
        raise SettingsProblems(tuple(problems))
    return settings
