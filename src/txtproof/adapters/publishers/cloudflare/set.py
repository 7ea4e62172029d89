"""What stands at a name at Cloudflare, as it bears on one more TXT record there."""

from dataclasses import dataclass

from txtproof.adapters.publishers.cloudflare.answers import ListedRecord
from txtproof.adapters.publishers.cloudflare.content import value_of
from txtproof.adapters.publishers.cloudflare.exchange import Session
from txtproof.core.observations import Blocked
from txtproof.core.reasons import Reason

AUTOMATIC, AUTOMATIC_SECONDS = 1, 300
"""The TTL that is written 1 is served as five minutes."""


@dataclass(frozen=True, slots=True)
class Place:
    """A name in a zone, and the call that works there."""

    session: Session
    zone: str
    name: str
    path: str
    """Of the zone's records."""


@dataclass(frozen=True, slots=True)
class RecordSet:
    """What stands at a name."""

    place: Place
    records: tuple[ListedRecord, ...]

    @property
    def texts(self) -> list[ListedRecord]:
        """Return the TXT records."""
        return [one for one in self.records if one.type == "TXT"]

    @property
    def ttl(self) -> int | None:
        """Return the TTL that one more value takes.

        Cloudflare stores one for each record and serves one for the set: where they differ, what is already the lowest
        stays that, and so does what is the highest.
        """
        return min((one.ttl for one in self.texts), key=_seconds, default=None)

    def holding(self, values: set[bytes]) -> list[ListedRecord]:
        """Return the TXT records with one of these values, however they are written."""
        return [one for one in self.texts if value_of(one.content or "") in values]

    def unserved(self) -> Blocked | None:
        """Say why no TXT here would be served, where that is so."""
        if any(is_shadowed(one) for one in self.texts):
            return not_served(self.place)
        if self.place.name == self.place.zone:
            return None
        if any(one.type == "NS" for one in self.records):
            return not_served(self.place)
        if any(one.type == "CNAME" and not _is_flattened(one) for one in self.records):
            return Blocked(Reason.NAME_IS_CNAME, f"{self.place.name} is a CNAME that is not proxied"[:200])
        return None


def is_shadowed(one: ListedRecord) -> bool:
    """Say whether NS records delegate a record's name to others: then it is stored and not served."""
    return bool((one.meta or {}).get("shadowed_by"))


def not_served(place: Place) -> Blocked:
    """Say that a record here would be shadowed."""
    return Blocked(Reason.NOT_SERVED, f"NS records in {place.zone} delegate {place.name} to other servers"[:200])


def _is_flattened(alias: ListedRecord) -> bool:
    """Say whether a CNAME is answered with addresses: then it is not seen from outside, and a TXT beside it is."""
    return bool(alias.proxied or (alias.settings or {}).get("flatten_cname"))


def _seconds(ttl: int) -> int:
    return AUTOMATIC_SECONDS if ttl == AUTOMATIC else ttl
