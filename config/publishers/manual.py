"""A publisher that is a person."""

from datetime import timedelta
from typing import ClassVar, Literal

from config.publishers.table import Publisher
from config.tables import setting
from txtproof.adapters.publishers.manual import ManualOptions


class Manual(Publisher):
    """Writes nothing: the event `record-required` says what is to be written where."""

    root_allowed: ClassVar[bool] = True
    # nothing is written that a delegation could miss
    check_delegation: ClassVar[bool] = False  # type: ignore[misc]  # a field of the base, and no setting here

    kind: Literal["manual"] = setting(..., "How it writes.", "manual")
    zones: tuple[str, ...] = setting(..., "Zones that people write.", '["example.com"], or ["."] for all others')

    def options(self, call_timeout: timedelta) -> ManualOptions:  # noqa: ARG002  # nobody is called
        """Say in the behaviour's own words what is asked for."""
        return ManualOptions(self.name, self.zones)
