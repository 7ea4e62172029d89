"""TXT records at Cloudflare, over its API: one record for each value, so nothing of others is ever written.

The new value is added before the old ones are deleted, each by its id. All records at the name are read, whatever their
type, since Cloudflare takes a TXT beside a CNAME or below NS records and then does not serve it.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from pydantic import SecretStr

from txtproof.adapters.publishers.cloudflare.answers import GONE, IDENTICAL, ListedRecord, Refused, record
from txtproof.adapters.publishers.cloudflare.content import MAX_VALUE, content_of, value_of
from txtproof.adapters.publishers.cloudflare.exchange import Api, Session, answered
from txtproof.adapters.publishers.cloudflare.lists import records_at, zone_called
from txtproof.adapters.publishers.cloudflare.set import Place, RecordSet, is_shadowed, not_served
from txtproof.adapters.publishers.trouble import Trouble
from txtproof.core.names import canonical
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    PublishAnswer,
    Published,
    Unreachable,
    WithdrawAnswer,
    Withdrawn,
)
from txtproof.core.reasons import Reason
from txtproof.ports import Capability

T = TypeVar("T")

BASE_URL = "https://api.cloudflare.com/client/v4"
SHORTEST, LONGEST = 60, 86_400
"""Seconds that a TTL may have; an Enterprise zone could go down to 30."""
ATTEMPTS = 3
"""How often the set is read anew because somebody else has just added the value."""
OUTDATED = frozenset({Reason.NO_ZONE, Reason.PUBLISHER_AUTH, Reason.PUBLISHER_REFUSED})
"""What may also mean that a zone was created anew, and has another id since."""


@dataclass(frozen=True, slots=True)
class CloudflareOptions:
    """Zones at Cloudflare, and a token that may edit their DNS."""

    name: str
    zones: tuple[str, ...]
    api_token: SecretStr = field(repr=False)
    zone_id: str | None = None
    """Of the one zone that there then is; without it, ids are looked up by name."""
    base_url: str = BASE_URL
    call_timeout: timedelta = timedelta(seconds=10)
    """For a whole `ensure_txt`, with all its reads and writes."""

    def open(self) -> "CloudflarePublisher":
        """Make the publisher."""
        return CloudflarePublisher(self)


class CloudflarePublisher:
    """Port `Publisher`. Raises ValueError where the token, the address or the zone's id cannot be one."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.PER_VALUE})

    def __init__(self, options: CloudflareOptions) -> None:
        if options.zone_id and len(options.zones) != 1:
            raise ValueError("zone_id is the id of one zone: name that one, or leave zone_id out")
        self._api = Api(options.base_url, options.api_token, options.call_timeout.total_seconds())
        self._zone_id = options.zone_id
        self._found: dict[str, str] = {}

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`; see the port."""
        if not 0 < len(value) <= MAX_VALUE:
            return Blocked(
                Reason.INVALID_VALUE, f"the value has {len(value)} bytes: Cloudflare takes 1 to {MAX_VALUE} of a TXT"
            )
        stale = set(replaces) - {value}
        usual = min(max(ttl, SHORTEST), LONGEST)
        return await self._called(zone, name, lambda place: _ensured(place, value, usual, stale))

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name; see the port."""
        return await self._called(zone, name, lambda place: _removed(place, value))

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:
        """Return the values at the name as Cloudflare holds them; None where it cannot be asked."""
        found = await self._called(zone, name, _read)
        if not isinstance(found, RecordSet):
            return None
        return list(dict.fromkeys(value_of(one.content or "") for one in found.texts))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.http.aclose()

    async def _called(
        self, zone: str, name: str, work: Callable[[Place], Coroutine[Any, Any, T]]
    ) -> T | Blocked | Unreachable | Ambiguous:
        session = Session(self._api)
        return await answered(session, self._worked(session, canonical(zone), canonical(name), work))

    async def _worked(
        self, session: Session, zone: str, name: str, work: Callable[[Place], Coroutine[Any, Any, T]]
    ) -> T:
        """Work with the zone's id; where one from earlier is refused, look for the one that it has now."""
        known = self._zone_id or self._found.get(zone)
        if known is not None:
            try:
                return await work(Place(session, zone, name, f"/zones/{known}/dns_records"))
            except Trouble as trouble:
                if self._zone_id or trouble.answer.reason not in OUTDATED:
                    raise
                self._found.pop(zone, None)
        found = self._found[zone] = await zone_called(session, zone)
        return await work(Place(session, zone, name, f"/zones/{found}/dns_records"))


async def _ensured(place: Place, value: bytes, ttl: int, stale: set[bytes]) -> PublishAnswer:
    for _ in range(ATTEMPTS):
        before = await _read(place)
        unserved = before.unserved()
        if unserved is not None:
            return unserved
        standing = before.holding({value})
        added = None if standing else await _added(before, value, ttl)
        if isinstance(added, Blocked):
            return added
        if standing or added:
            old = before.holding(stale)
            await _deleted(place, old)
            return Published(changed=bool(added or old))
    return Unreachable(Reason.CONFLICT, f"an identical record is said to stand at {place.name}, and is not seen"[:200])


async def _removed(place: Place, value: bytes) -> WithdrawAnswer:
    await _deleted(place, (await _read(place)).holding({value}))
    return Withdrawn()


async def _read(place: Place) -> RecordSet:
    return RecordSet(place, tuple(await records_at(place.session, place.path, place.name)))


async def _added(before: RecordSet, value: bytes, ttl: int) -> bool | Blocked:
    """Add a record; return False where there is an identical one: somebody else was faster."""
    place = before.place
    wanted = {
        "type": "TXT",
        "name": place.name,
        "content": content_of(value),
        "ttl": ttl if before.ttl is None else before.ttl,
    }
    try:
        made = await place.session.change("POST", place.path, record, wanted, include_shadow_metadata="true")
    except Refused as refused:
        if refused.codes & IDENTICAL:
            return False
        raise place.session.refusal(refused) from None
    unfit = _unfit(made, place, value)
    if unfit is not None and made.id not in {one.id for one in before.records}:
        # nobody would find it there again, so it does not stay
        await _deleted(place, [made])
    return unfit or True


async def _deleted(place: Place, records: Sequence[ListedRecord]) -> None:
    for one in records:
        try:
            await place.session.change("DELETE", f"{place.path}/{one.id}", lambda _: None)
        except Refused as refused:
            if not refused.codes & GONE:
                raise place.session.refusal(refused) from None


def _unfit(made: ListedRecord, place: Place, value: bytes) -> Blocked | None:
    """Say what is wrong with a new record, where it is not as it was asked for, or would not be served."""
    if (made.type, canonical(made.name), value_of(made.content or "")) != ("TXT", place.name, value):
        return Blocked(Reason.INVALID_VALUE, f"Cloudflare alters the record, so it is not at {place.name}"[:200])
    return not_served(place) if is_shadowed(made) else None
