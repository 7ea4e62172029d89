"""PowerDNS over its HTTP API: the set at a name is read, changed in one step, and read again.

A PATCH is one transaction of the server's database, yet it is no compare-and-swap: two at a time can lose, or double,
each other's records even where the server adds and removes single ones (EXTEND, PRUNE). So changes of ours take turns
under a lock, and what was written is read back. Where the server takes EXTEND and PRUNE, the neighbours are not sent:
nothing of theirs can be written over by us. Elsewhere the whole set is (REPLACE).

Disabled records at the name are neighbours too. All three ways of writing drop what they are not told of, so what is
held is read with them: by a parameter from 5.0 on, and before that with the whole zone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, TypeVar

from pydantic import SecretStr

from txtproof.adapters.base_url import check_base_url
from txtproof.adapters.publishers.powerdns.answers import ApiTrouble
from txtproof.adapters.publishers.powerdns.api import Server, Session, answered, check_api_key
from txtproof.adapters.publishers.powerdns.records import TextSet
from txtproof.adapters.publishers.powerdns.sets import BROKEN, Place, change_set, is_elsewhere, placed, read_set
from txtproof.core.observations import Blocked, PublishAnswer, Published, Unreachable, WithdrawAnswer, Withdrawn
from txtproof.core.reasons import Reason
from txtproof.ports import Capability

T = TypeVar("T")

MAX_VALUE = 65_000
"""Bytes; a record has 65,535 octets at the most (RFC 1035, 3.2.1), and each string needs one for its length."""
PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds between attempts: of several transactions at a time SQLite lets one through ("database is locked")."""


@dataclass(frozen=True, slots=True)
class PowerDnsOptions:
    """One PowerDNS, and the key of its API. Raises ValueError, as `check_base_url` and `check_api_key` do."""

    name: str
    zones: tuple[str, ...]
    url: str
    """Without /api/v1."""
    api_key: SecretStr = field(repr=False)
    server_id: str = "localhost"
    call_timeout: timedelta = timedelta(seconds=10)
    """For a whole `ensure_txt`, with all its reads and writes."""

    def __post_init__(self) -> None:
        check_base_url(self.url)
        check_api_key(self.api_key)

    def open(self) -> "PowerDnsPublisher":
        """Make the publisher."""
        return PowerDnsPublisher(self)


class PowerDnsPublisher:
    """Port `Publisher`; what the server can do is remembered for as long as this lives."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.ATOMIC_SWAP, Capability.READ_MODIFY_WRITE})

    def __init__(self, options: PowerDnsOptions) -> None:
        url = check_base_url(options.url)
        self._server = Server(url, options.server_id, options.api_key, options.call_timeout.total_seconds())

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`; see the port."""
        if not 0 < len(value) <= MAX_VALUE:
            text = f"the value has {len(value)} bytes: a TXT record takes 1 to {MAX_VALUE}"
            return Blocked(Reason.INVALID_VALUE, text)
        call, place, stale = Session(self._server), placed(zone, name), set(replaces) - {value}
        return await answered(call, _repeated(lambda: _ensured(call, place, value, ttl, stale)))

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name; see the port."""
        call, place = Session(self._server), placed(zone, name)
        return await answered(call, _repeated(lambda: _removed(call, place, value)))

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:
        """Return the values at the name as the server holds them; None where it cannot be asked."""
        call = Session(self._server)
        found = await answered(call, read_set(call, placed(zone, name)))
        return found.values() if isinstance(found, TextSet) else None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._server.http.aclose()


async def _ensured(call: Session, place: Place, value: bytes, ttl: int, stale: set[bytes]) -> PublishAnswer:
    before = await read_set(call, place)
    if await is_elsewhere(call, place, before):
        text = f"the server of {place.zone} does not serve {place.name} from that zone"
        return Blocked(Reason.NOT_SERVED, text[:200])
    if before.alias:
        return Blocked(Reason.NAME_IS_CNAME, f"{place.name} is a CNAME: {before.alias}"[:200])
    if before.holding({value}) and not before.holding(stale):
        return Published(changed=False)
    if not await change_set(call, place, before, stale, value, ttl):
        return _conflict(place)
    after = await read_set(call, place)
    if not after.holding({value}) or after.holding(stale):
        return _conflict(place)
    if before.ttl is None and len(after.records) > 1:
        # a set that was new has become a neighbour's: what that one's TTL is shows without ours beside it
        await change_set(call, place, after, {value})
        return _conflict(place)
    return Published(changed=True)


async def _removed(call: Session, place: Place, value: bytes) -> WithdrawAnswer:
    before = await read_set(call, place)
    if not before.holding({value}):
        return Withdrawn()
    if not await change_set(call, place, before, {value}):
        return _conflict(place)
    after = await read_set(call, place)
    return _conflict(place) if after.holding({value}) else Withdrawn()


def _conflict(place: Place) -> Unreachable:
    return Unreachable(Reason.CONFLICT, f"somebody else has written at {place.name} at the same time"[:200])


async def _repeated(work: Callable[[], Awaitable[T]]) -> T:
    """Do the work anew after a conflict, and after a transaction that the server's database gave up."""
    for pause in PAUSES:
        try:
            answer = await work()
        except ApiTrouble as trouble:
            if trouble.status != BROKEN:
                raise
        else:
            if not (isinstance(answer, Unreachable) and answer.reason is Reason.CONFLICT):
                return answer
        await asyncio.sleep(pause)
    return await work()
