"""The zone that a row has for its domain: taken where it can be that, and told to the row where it has none."""

import time
from datetime import timedelta

from txtproof.adapters.dns.walk import Zone
from txtproof.core.decisions import Look
from txtproof.core.observations import Sight, ZoneSeen
from txtproof.core.values import replace


def home(look: Look) -> str:
    """Return the zone that the row has for the domain, where that can be it; else the domain."""
    return look.zone if look.zone and is_below(look.domain, look.zone) else look.domain


def is_below(name: str, zone: str) -> bool:
    """Say whether a name is the zone's apex or ends like what is below it, letter for letter."""
    return name == zone or name.endswith("." + zone)


def with_zone(sight: Sight, look: Look, zone: Zone | None) -> Sight:
    """Add where the domain's zone is, where the row does not know it."""
    if zone is None or zone.text == look.zone:
        return sight
    return replace(sight, zone=ZoneSeen(zone.text, timedelta(seconds=max(0, zone.until - time.monotonic()))))
