r"""TXT sets as PowerDNS's HTTP API writes them: in quoted presentation format, inside JSON.

The API compares what it is given with its own way of writing, so there is one way to write a value: printable ASCII as
it is, quotes and backslashes behind a backslash, every other octet as `\DDD` (RFC 1035, 5.1).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from txtproof.adapters.http_fields import presentable
from txtproof.core.names import canonical

MAX_STRING = 255
"""Octets of one character-string (RFC 1035, 3.3)."""
_STRING = r'"((?:[^"\\]|\\[0-9]{3}|\\[^0-9])*)"'
_STRINGS = re.compile(rf"\s*{_STRING}(?:\s+{_STRING})*\s*")
_ESCAPE = re.compile(rb"\\(?:([0-9]{3})|(.))", re.DOTALL)
_WRITTEN = [chr(octet) if 32 <= octet < 127 else f"\\{octet:03}" for octet in range(256)]
_WRITTEN[ord('"')], _WRITTEN[ord("\\")] = '\\"', "\\\\"

Ttl = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Record(msgspec.Struct, frozen=True):
    """A record as the API shows it; one that is disabled is kept, and not served."""

    content: str
    disabled: bool = False


class RRset(msgspec.Struct, frozen=True):
    """A record set as the API shows it. One that has comments only has no records, and a TTL of 0."""

    name: str
    type: str
    ttl: Ttl
    records: tuple[Record, ...] = ()


class Zone(msgspec.Struct, frozen=True):
    """A zone as the API shows it, or what was asked for of it."""

    kind: str = ""
    rrsets: tuple[RRset, ...] = ()


@dataclass(frozen=True, slots=True)
class TextSet:
    """The TXT set at a name, and what else stands there that counts."""

    records: tuple[Record, ...] = ()
    ttl: int | None = None
    """None where there is no record."""
    alias: str = ""
    """The target of a CNAME."""
    delegated: bool = False
    """True where NS records stand at the name."""

    def holding(self, values: Collection[bytes]) -> list[Record]:
        """Return the records that are served with one of these values, however it is cut into strings."""
        return [record for record in self.records if not record.disabled and joined(record.content) in values]

    def disabled(self, value: bytes) -> bool:
        """Say whether a record with the value stands there and is disabled."""
        return any(record.disabled and joined(record.content) == value for record in self.records)

    def values(self) -> list[bytes]:
        """Return all values that are served, as far as they can be read."""
        found = (joined(record.content) for record in self.records if not record.disabled)
        return [value for value in found if value is not None]

    @property
    def is_plain(self) -> bool:
        """Say whether no record is disabled, and none stands twice."""
        contents = {record.content for record in self.records}
        return len(contents) == len(self.records) and not any(record.disabled for record in self.records)


def text_set(zone: Zone, name: str) -> TextSet:
    """Return what stands at a name; old servers show the whole zone, whatever they were asked for."""
    there = {rrset.type: rrset for rrset in zone.rrsets if canonical(rrset.name) == name and rrset.records}
    texts, aliases, delegation = (there.get(kind) for kind in ("TXT", "CNAME", "NS"))
    served = [one.content for one in (aliases.records if aliases else ()) if not one.disabled]
    return TextSet(
        texts.records if texts else (),
        texts.ttl if texts else None,
        presentable(served[0]).removesuffix(".") if served else "",
        delegation is not None and not all(one.disabled for one in delegation.records),
    )


def quoted(value: bytes) -> str:
    """Write a value as the content of a record, cut into strings."""
    strings = [value[at : at + MAX_STRING] for at in range(0, len(value), MAX_STRING)]
    return " ".join('"' + "".join(_WRITTEN[octet] for octet in one) + '"' for one in strings)


def joined(content: str) -> bytes | None:
    """Read the value from the content of a record, its strings joined; None where it cannot be read."""
    if not _STRINGS.fullmatch(content):
        return None
    parts = (found[1].encode() for found in re.finditer(_STRING, content))
    try:
        return b"".join(_ESCAPE.sub(lambda one: bytes([int(one[1])]) if one[1] else one[2], part) for part in parts)
    except ValueError:
        return None


def replacing(name: str, held: TextSet, ttl: int, new: bytes | None, gone: Collection[bytes]) -> list[dict[str, Any]]:
    """Make the change that writes the whole set: all that is held, without `gone`, and with the new value."""
    leaving = held.holding(gone)
    kept = {record: {"content": record.content, "disabled": record.disabled} for record in held.records}
    for record in leaving:
        kept.pop(record, None)
    records = list(kept.values())
    if new is not None:
        records.append({"content": quoted(new), "disabled": False})
    return [_change(name, "REPLACE", ttl, records)]


def changing(name: str, held: TextSet, ttl: int, new: bytes | None, gone: Collection[bytes]) -> list[dict[str, Any]]:
    """Make the changes that write single records: EXTEND first, so that the set never ends."""
    added = [("EXTEND", quoted(new))] if new is not None else []
    removed = [("PRUNE", record.content) for record in held.holding(gone)]
    return [_change(name, kind, ttl, [{"content": content, "disabled": False}]) for kind, content in added + removed]


def _change(name: str, changetype: str, ttl: int, records: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": f"{name}.", "type": "TXT", "changetype": changetype, "ttl": ttl, "records": records}
