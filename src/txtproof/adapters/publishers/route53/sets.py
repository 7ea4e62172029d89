"""What stands at a name in a hosted zone, as Route 53 lists it, and the batch that turns it into something else."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from txtproof.adapters.publishers.route53.text import decoded, encoded
from txtproof.core.names import canonical
from txtproof.core.observations import Blocked
from txtproof.core.reasons import Reason

RecordSet = Mapping[str, Any]
"""A ResourceRecordSet, as botocore has it."""

SIMPLE = frozenset({"Name", "Type", "TTL", "ResourceRecords"})
"""All that a record set without a routing policy has; an alias has no TTL and no records."""


@dataclass(frozen=True, slots=True)
class TxtSet:
    """The TXT records at a name. Texts stay as they are listed: a deletion must repeat them to the letter."""

    name: str
    ttl: int | None = None
    """None where there is none."""
    texts: tuple[str, ...] = ()
    alias: str = ""
    """The target, where a CNAME stands there."""
    special: str = ""
    """What it has beside a TTL and values: a routing policy, an alias, a traffic policy."""

    @property
    def values(self) -> tuple[bytes, ...]:
        """Return the values."""
        return tuple(map(decoded, self.texts))

    @property
    def refusal(self) -> Blocked | None:
        """Say why nothing may be written there, where that is so."""
        if self.alias:
            return Blocked(Reason.NAME_IS_CNAME, f"{self.name} is a CNAME: {self.alias}"[:200])
        if self.special:
            text = f"the TXT set at {self.name} is no simple one and is left alone: it has {self.special}"
            return Blocked(Reason.PUBLISHER_REFUSED, text[:200])
        return None

    def without(self, values: Collection[bytes]) -> "TxtSet":
        """Return the set without these values, however they are cut into strings."""
        kept = tuple(text for text in self.texts if decoded(text) not in values)
        return TxtSet(self.name, self.ttl, kept, self.alias, self.special)

    def with_one(self, value: bytes, ttl: int) -> "TxtSet":
        """Return the set with a value; the TTL counts where the set has none."""
        if value in self.values:
            return self
        kept = ttl if self.ttl is None else self.ttl
        return TxtSet(self.name, kept, (*self.texts, encoded(value)), self.alias, self.special)


def at_name(name: str, listed: Sequence[RecordSet]) -> TxtSet:
    """Return the TXT records at a name, from what is listed of it and of names after it."""
    here = [one for one in listed if canonical(one.get("Name", "")) == name]
    found = [one for one in here if one.get("Type") == "TXT"]
    alias = next((_target(one) for one in here if one.get("Type") == "CNAME"), "")
    texts = tuple(record.get("Value", "") for one in found for record in one.get("ResourceRecords", ()))
    special = sorted({member for one in found for member in one.keys() - SIMPLE})
    return TxtSet(name, found[0].get("TTL") if found else None, texts, alias, ", ".join(special))


def batch(before: TxtSet, after: TxtSet) -> list[Mapping[str, Any]]:
    """Return the changes that turn one set into the other, and are refused where the first is not what stands there."""
    steps = (("DELETE", before), ("CREATE", after))
    return [{"Action": action, "ResourceRecordSet": _record_set(one)} for action, one in steps if one.texts]


def _record_set(one: TxtSet) -> RecordSet:
    records = [{"Value": text} for text in one.texts]
    return {"Name": f"{one.name}.", "Type": "TXT", "TTL": one.ttl, "ResourceRecords": records}


def _target(cname: RecordSet) -> str:
    records = [record.get("Value", "") for record in cname.get("ResourceRecords", ())]
    return canonical(next(iter(records), "") or cname.get("AliasTarget", {}).get("DNSName", "")) or "an alias"
