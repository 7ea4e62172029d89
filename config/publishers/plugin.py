"""A publisher of a third party, which an installed distribution offers."""

from datetime import timedelta
from typing import Any

from pydantic import ValidationInfo, field_validator

from config.publishers.table import Publisher
from config.tables import setting
from config.values import dereferenced
from txtproof.adapters.publishers.plugins import PluginOptions, load_plugin


class Plugin(Publisher):
    """Writes as the plugin does; what that wants to know stands in a table of its own."""

    kind: str = setting(..., "How it writes: the name of the plugin's entry point.", "the name of an entry point")
    settings: dict[str, Any] = setting({}, "What the plugin wants to know.", "[publishers.settings]", repr=False)

    def options(self, call_timeout: timedelta) -> PluginOptions:
        """Say in the behaviour's own words what is asked for."""
        return PluginOptions(self.name, self.zones, self.kind, load_plugin(self.kind), self.settings, call_timeout)

    @field_validator("kind")
    @classmethod
    def _loads(cls, kind: str) -> str:
        load_plugin(kind)
        return kind

    @field_validator("settings", mode="before")
    @classmethod
    def _secrets(cls, given: Any, info: ValidationInfo) -> Any:
        return dereferenced(given, info)
