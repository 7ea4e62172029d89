"""A publisher that goes through dns-lexicon, for providers that have none of their own here."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import ValidationInfo, field_validator, model_validator

from config.publishers.table import Publisher
from config.tables import setting
from config.values import dereferenced, referred
from txtproof.adapters.publishers.lexicon.options import LexiconOptions, check_provider, check_settings

SECRETS = re.compile("token|secret|key|password|info")
"""What the names of options have in them whose value is a secret."""


class Lexicon(Publisher):
    """One of dns-lexicon's providers, with dns-lexicon's own options."""

    kind: Literal["lexicon"] = setting(..., "How it writes.", "lexicon")
    provider: str = setting(..., "What dns-lexicon calls the provider.", "digitalocean")
    settings: dict[str, Any] = setting(
        ..., "dns-lexicon's options for the provider.", '{ auth_token = "env:NAME or file:PATH" }', repr=False
    )

    def options(self, call_timeout: timedelta) -> LexiconOptions:
        """Say in the behaviour's own words what is asked for."""
        return LexiconOptions(self.name, self.zones, self.provider, self.settings, call_timeout)

    @field_validator("provider")
    @classmethod
    def _taken(cls, provider: str) -> str:
        check_provider(provider)
        return provider

    @field_validator("settings", mode="before")
    @classmethod
    def _secrets(cls, given: Any, info: ValidationInfo) -> Any:
        if isinstance(given, Mapping):
            for name, one in given.items():
                if SECRETS.search(name):
                    _referred(name, one)
        return dereferenced(given, info)

    @model_validator(mode="after")
    def _made(self) -> Self:
        check_settings(self.provider, self.settings)
        return self


def _referred(name: str, given: Any) -> None:
    try:
        referred(given)
    except ValueError as wrong:
        raise ValueError(f"{name[:60]}: {wrong}") from None
