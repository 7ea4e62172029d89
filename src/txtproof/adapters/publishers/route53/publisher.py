"""Amazon Route 53: a TXT set is deleted as it was read and created as it shall be, in one batch.

A batch is applied whole or not at all, and a deletion must name the set exactly, with its TTL and all its values: where
somebody else has changed it meanwhile, the batch is refused and made anew from what stands there then. So nobody's
value is lost, without a lock. A change is listed from when it is accepted on; that all name servers have it (INSYNC) is
not waited for: the look at them is the judge of that.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from txtproof.adapters.publishers.route53.client import Account, Call, answered
from txtproof.adapters.publishers.route53.options import Route53Options
from txtproof.adapters.publishers.route53.sets import RecordSet, TxtSet, at_name, batch
from txtproof.adapters.publishers.route53.text import encoded
from txtproof.adapters.publishers.trouble import Failure, Trouble
from txtproof.core.names import canonical
from txtproof.core.observations import (
    Blocked,
    PublishAnswer,
    Published,
    Unreachable,
    WithdrawAnswer,
    Withdrawn,
)
from txtproof.core.reasons import Reason
from txtproof.ports import Capability

MAX_TEXT = 4_000
"""Characters of a value as it is written, with quotes and escapes (API Reference, ResourceRecord)."""
MAX_BATCH = 32_000
"""Characters of all values in a batch (Developer Guide, Quotas)."""
ATTEMPTS = 16
"""How often a change is made that was refused before; each lost race is another's gain."""
SAME = 3
"""Refusals of a change to a set that nobody changes, after which it is no race."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Most seconds before a change is made anew; doubled each time."""
REMEMBERED = 300.0
"""Seconds for which the id of a hosted zone is."""
PAGE = "20"
"""Most record sets that are listed at a time: those of the name come first."""
ZONES = "100"
"""Most hosted zones that are listed: those of the name come first."""
CURSOR = ("RecordName", "RecordType", "RecordIdentifier")
"""Says where the next page of a list begins."""


@dataclass(frozen=True, slots=True)
class _Place:
    zone_id: str
    name: str


class Route53Publisher:
    """Port `Publisher`."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.ATOMIC_SWAP, Capability.COMPARE_AND_SWAP})

    def __init__(self, options: Route53Options) -> None:
        self._account = Account(options)
        self._given_id = options.hosted_zone_id
        self._found: dict[str, tuple[str, float]] = {}

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`; see the port."""
        length = len(encoded(value))
        if not 0 < length <= MAX_TEXT:
            what = f"the value has {length} characters as Route 53 writes it, with quotes and escapes"
            return Blocked(Reason.INVALID_VALUE, f"{what}: it takes 1 to {MAX_TEXT}")
        stale = set(replaces) - {value}

        def wanted(before: TxtSet) -> TxtSet:
            return before.without(stale).with_one(value, ttl)

        changed = await self._changed(zone, name, wanted, adds=True)
        return Published(changed) if isinstance(changed, bool) else changed

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name; see the port."""
        changed = await self._changed(zone, name, lambda before: before.without({value}), adds=False)
        return Withdrawn() if isinstance(changed, bool) else changed

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:
        """Return the values at the name as Route 53 lists them; None where it cannot be asked."""
        call = Call(self._account)

        async def work() -> TxtSet:
            return await _read(call, await self._place(call, zone, name))

        found = await answered(call, work())
        return list(found.values) if isinstance(found, TxtSet) else None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._account.aclose()

    async def _changed(self, zone: str, name: str, wanted: Callable[[TxtSet], TxtSet], *, adds: bool) -> bool | Failure:
        call = Call(self._account)

        async def work() -> bool | Failure:
            return await _changed(call, await self._place(call, zone, name), wanted, adds=adds)

        answer = await answered(call, work())
        if isinstance(answer, Blocked) and answer.reason is Reason.NO_ZONE:
            self._found.pop(zone, None)
        return answer

    async def _place(self, call: Call, zone: str, name: str) -> _Place:
        if self._given_id is not None:
            return _Place(self._given_id, name)
        now = asyncio.get_running_loop().time()
        zone_id, until = self._found.get(zone, ("", now))
        if until <= now:
            zone_id = await _hosted_zone(call, zone)
            self._found[zone] = zone_id, now + REMEMBERED
        return _Place(zone_id, name)


async def _changed(call: Call, place: _Place, wanted: Callable[[TxtSet], TxtSet], *, adds: bool) -> bool | Failure:
    """Turn the set at a name into the wanted one; return whether that changed anything."""
    last, same = None, 0
    for attempt in range(ATTEMPTS):
        before = await _read(call, place)
        after = wanted(before)
        if before.refusal is not None and (adds or after != before):
            return before.refusal
        if after == before:
            return False
        if sum(map(len, before.texts + after.texts)) > MAX_BATCH:
            return _too_large(place)
        refused = await call.change(place.zone_id, batch(before, after))
        if refused is None:
            return True
        if not refused.busy:
            last, same = before, same + 1 if before == last else 1
            if same == SAME:
                return refused.answer
        await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))  # noqa: S311  # it spreads
    return Unreachable(Reason.CONFLICT, f"the TXT set at {place.name} changes faster than it can be written"[:200])


async def _read(call: Call, place: _Place) -> TxtSet:
    """List what stands at a name: as a rule one request, since no more than a page does."""
    found: list[RecordSet] = []
    start: dict[str, Any] = {"StartRecordName": place.name}
    while start:
        page = await call.ask("ListResourceRecordSets", HostedZoneId=place.zone_id, MaxItems=PAGE, **start)
        found += _entries(page, "ResourceRecordSets")
        start = {}
        if page.get("IsTruncated") and canonical(page.get("NextRecordName", "")) == place.name:
            start = {f"Start{word}": page[f"Next{word}"] for word in CURSOR if f"Next{word}" in page}
    return at_name(place.name, found)


async def _hosted_zone(call: Call, zone: str) -> str:
    """Return the id of the public hosted zone of that name. Raises Trouble where there is not exactly one."""
    page = await call.ask("ListHostedZonesByName", DNSName=zone, MaxItems=ZONES)
    named = [one for one in _entries(page, "HostedZones") if canonical(one.get("Name", "")) == zone]
    public = [one["Id"] for one in named if "Id" in one and not one.get("Config", {}).get("PrivateZone")]
    if len(public) == 1:
        return str(public[0])
    if public:
        raise Trouble(_no_zone(f"{len(public)} public hosted zones are called {zone}: name one in hosted_zone_id"))
    private = ", only a private one" if named else ""
    raise Trouble(_no_zone(f"the account has no public hosted zone called {zone}{private}"))


def _entries(page: Mapping[str, Any], kind: str) -> Sequence[Mapping[str, Any]]:
    """Return what a list holds. Raises Trouble where the answer has none: so speaks no Route 53."""
    entries = page.get(kind)
    if not isinstance(entries, list):
        raise Trouble(Unreachable(Reason.PUBLISHER_UNREACHABLE, f"Route 53: an answer without {kind}"))
    return entries


def _no_zone(text: str) -> Blocked:
    return Blocked(Reason.NO_ZONE, f"Route 53: {text}"[:200])


def _too_large(place: _Place) -> Blocked:
    text = f"the TXT set at {place.name} is too large to be changed: a batch takes {MAX_BATCH} characters"
    return Blocked(Reason.PUBLISHER_REFUSED, text[:200])
