"""What a PowerDNS holds at a name, whether it serves that, and the change of it."""

from collections.abc import Collection
from dataclasses import dataclass

from txtproof.adapters.http_fields import presentable
from txtproof.adapters.publishers.powerdns.answers import Ability, ApiTrouble
from txtproof.adapters.publishers.powerdns.api import Session
from txtproof.adapters.publishers.powerdns.records import TextSet, changing, replacing, text_set
from txtproof.core.names import ancestors, canonical, is_below
from txtproof.core.observations import Blocked
from txtproof.core.reasons import Reason

COPIES = frozenset({"slave", "secondary", "consumer"})
"""Kinds of zones that the next transfer writes over."""
REFUSED = 422
BROKEN = 500
"""A database that was busy, or a record anywhere in the zone that cannot be read, such as a TXT without quotes."""


@dataclass(frozen=True, slots=True)
class Place:
    """A name in a zone; A-labels, lower case, no trailing dot."""

    zone: str
    name: str


def placed(zone: str, name: str) -> Place:
    """Return a name in a zone, however it is written."""
    return Place(canonical(zone), canonical(name))


async def read_set(call: Session, place: Place) -> TextSet:
    """Return what is served at a name: disabled records only where the server shows them unasked. Raises ApiTrouble."""
    return text_set(await call.zone(place.zone, rrset_name=f"{place.name}."), place.name)


async def is_elsewhere(call: Session, place: Place, found: TextSet) -> bool:
    """Say whether the name lies in a delegated child, whose zone is served in place of this one. Raises ApiTrouble.

    A child that the same server holds is served with or without NS records in its parent.
    """
    below = [name for name in ancestors(place.name) if is_below(name, place.zone) and name != place.zone]
    for name in reversed(below):
        there = found if name == place.name else await read_set(call, Place(place.zone, name))
        if there.delegated or await call.holds(name):
            return True
    return False


async def change_set(
    call: Session, place: Place, served: TextSet, gone: Collection[bytes], value: bytes | None = None, ttl: int = 0
) -> bool:
    """Have the value there and none of `gone`, in one step; return False where the set changed meanwhile.

    The set's own TTL stays, `ttl` is for a new one. Raises ApiTrouble.
    """
    ability = await call.ability()
    held = await _held(call, place, ability)
    _check_disabled(place, held, value)
    new = None if value is None or held.holding({value}) else value
    if new is None and not held.holding(gone):
        return True
    lasting = next(one for one in (served.ttl, held.ttl, ttl) if one is not None)
    single = ability.extends and held.is_plain
    changes = (changing if single else replacing)(place.name, held, lasting, new, gone)
    try:
        await call.change(place.zone, changes)
    except ApiTrouble as trouble:
        if trouble.status != REFUSED:
            raise
        if single and "changetype" in trouble.said:
            call.server.ability = Ability(shows_disabled=ability.shows_disabled)
            return False
        if await _held(call, place, ability) == held:
            raise
        return False
    return True


async def _held(call: Session, place: Place, ability: Ability) -> TextSet:
    """Return all that is held at a name, disabled records too."""
    asked = {"rrset_name": f"{place.name}.", "include_disabled": "true"} if ability.shows_disabled else {}
    try:
        zone = await call.zone(place.zone, **asked)
    except ApiTrouble as trouble:
        if asked or trouble.status != BROKEN:
            raise
        text = f"{call.server.url}: cannot show the whole zone (500): see pdnsutil check-zone {place.zone}"
        raise ApiTrouble(Blocked(Reason.PUBLISHER_REFUSED, text[:200]), BROKEN) from None
    if zone.kind.lower() in COPIES:
        text = f"{call.server.url}: its {place.zone} is a copy ({zone.kind}): write to the primary of it"
        raise ApiTrouble(Blocked(Reason.PUBLISHER_REFUSED, presentable(text)))
    return text_set(zone, place.name)


def _check_disabled(place: Place, held: TextSet, value: bytes | None) -> None:
    """Refuse what the server would call a duplicate: somebody has disabled this very record."""
    if value is not None and not held.holding({value}) and held.disabled(value):
        text = f"the record stands at {place.name} and is disabled: enable or remove it"
        raise ApiTrouble(Blocked(Reason.PUBLISHER_REFUSED, text[:200]))
