"""Settings -> Options: the one place that reads the environment."""

import os
from datetime import timedelta
from functools import cache

from config.settings import Settings, load_settings
from txtproof.adapters.dns.look import LookOptions
from txtproof.adapters.nexus import BasicAuth, BearerAuth, NexusOptions
from txtproof.adapters.redis_turns import Rate
from txtproof.assembly import Options, Retention
from txtproof.politeness import NEXUS, credential_of
from txtproof.ports import Timeouts

TIMEOUTS = Timeouts()


@cache
def settings() -> Settings:
    """Read the settings, once. Raises SettingsProblems with all that is wrong."""
    return load_settings(os.environ)


def options(given: Settings) -> Options:
    """Say in the behaviour's own words what the settings ask for."""
    return Options(
        redis_url=given.redis.url.get_secret_value(),
        nexus=_nexus(given, TIMEOUTS.call),
        look=LookOptions(
            resolvers=tuple(given.dns.resolvers),
            authoritative_port=given.dns.authoritative_port,
            allow_private_servers=given.dns.allow_private_servers,
            call_timeout=TIMEOUTS.call,
            views=tuple(given.dns.views),
            views_needed=given.dns.views_needed,
        ),
        publishers=tuple(publisher.options(TIMEOUTS.call) for publisher in given.publishers),
        policy=given.policy_rules(),
        timeouts=TIMEOUTS,
        rates={
            NEXUS: Rate(given.nexus.calls_per_second, given.nexus.calls_in_flight),
            **{
                credential_of(publisher.name): Rate(publisher.calls_per_second, publisher.calls_in_flight)
                for publisher in given.publishers
            },
        },
        unchecked=frozenset(publisher.name for publisher in given.publishers if not publisher.check_delegation),
        retention=Retention(given.retention.ended, given.retention.events, given.retention.events_kept),
    )


def _nexus(given: Settings, call_timeout: timedelta) -> NexusOptions:
    nexus = given.nexus
    auth: BearerAuth | BasicAuth
    if nexus.bearer_token is not None and nexus.application_token is not None:
        auth = BearerAuth(nexus.bearer_token, nexus.application_token, nexus.application_token_header)
    else:
        assert nexus.basic_username is not None, "checked with the settings"
        assert nexus.basic_password is not None, "checked with the settings"
        auth = BasicAuth(nexus.basic_username, nexus.basic_password)
    return NexusOptions(nexus.base_url, auth, call_timeout)
