"""What every publisher's table has: its name, its zones, and how fast it may be called."""

import re
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import ClassVar

from pydantic import field_validator

from config.tables import IN_FLIGHT, PER_SECOND, Group, setting
from config.values import Number, Rate
from txtproof.adapters.publishers.options import PublisherOptions
from txtproof.core.names import canonical, fits


class Publisher(Group, ABC):
    """A publisher. Stands in the file, as [[publishers]]; each kind adds what it needs."""

    root_allowed: ClassVar[bool] = False
    """True: the zone "." stands for every domain that no other publisher writes."""

    name: str = setting(..., "What it is called in records, events and logs.", "a word", pattern=r"^[\w.-]{1,60}$")
    kind: str
    zones: tuple[str, ...] = setting(..., "Zones that it writes.", '["example.com"]')
    check_delegation: bool = setting(
        True, "Write a zone only where it is the one that public DNS leads to.", "true or false"
    )
    calls_in_flight: Number = setting(8, "Most calls at a time, by all workers together.", **IN_FLIGHT)
    calls_per_second: Rate = setting(50.0, "Most calls a second, by all workers together.", **PER_SECOND)

    @abstractmethod
    def options(self, call_timeout: timedelta) -> PublisherOptions:
        """Say in the behaviour's own words what is asked for."""

    @field_validator("zones")
    @classmethod
    def _zones(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        for zone in zones:
            if zone == "." and cls.root_allowed:
                continue
            if not re.fullmatch(r"[A-Za-z0-9_.-]+", zone) or not fits(zone):
                raise ValueError(f"{zone[:60]!r} is no zone: write its name in A-labels, such as example.com")
        if not zones:
            raise ValueError('names no zone: write, for example, ["example.com"]')
        return tuple(map(canonical, zones))
