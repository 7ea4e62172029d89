"""What the stand-in of Cloudflare stores: records with ids, under the rules that its documentation gives.

developers.cloudflare.com, "DNS record types" (4,096 octets a record, 8,192 characters a set, quotes), "Time to Live",
"Shadowed records", "Records with the same name", and the API's reference; what a TXT says is dnspython's reading of it.
"""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

MAX_OCTETS = 4096
MAX_CONTENTS = 8192


class Invalid(Exception):
    """A record that is not taken."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass
class Zone:
    """A zone as Cloudflare holds it."""

    name: str
    id: str
    status: str = "active"
    most_contents: int = MAX_CONTENTS
    """Characters of one set's contents together."""
    records: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _numbers: Any = field(default_factory=itertools.count, repr=False)

    def add(self, name: str, kind: str, content: str, ttl: int = 1, **more: Any) -> dict[str, Any]:
        """Store a record without a question."""
        with self.lock:
            made = {
                "id": f"{next(self._numbers):032x}",
                "name": name,
                "type": kind,
                "content": content,
                "ttl": ttl,
                "proxied": False,
                "proxiable": kind in {"A", "AAAA", "CNAME"},
                "settings": {},
                "comment": None,
                "tags": [],
                "meta": {},
                "created_on": "2026-01-01T00:00:00Z",
                "modified_on": "2026-01-01T00:00:00Z",
                **more,
            }
            self.records.append(made)
            return made

    def take(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Store a TXT record that the API was sent. Raises Invalid."""
        name, content, ttl = wanted["name"].lower(), wanted["content"], wanted["ttl"]
        with self.lock:
            if ttl != 1 and not 60 <= ttl <= 86400:
                raise Invalid(9021, "TTL must be between 60 and 86400 seconds, or 1 for Automatic.")
            if sum(1 + len(string) for string in strings(content)) > MAX_OCTETS:
                raise Invalid(9208, f"Content of {content} is too long.")
            beside = [one["content"] for one in self.at(name, "TXT")]
            if content in beside:
                raise Invalid(81058, f"An identical record already exists: {content}")
            if sum(map(len, [*beside, content])) > self.most_contents:
                raise Invalid(81061, "Combined content length of records must not exceed 8192 characters.")
            return self.add(name, "TXT", content, ttl)

    def drop(self, record_id: str) -> bool:
        """Delete a record; say whether it was there."""
        with self.lock:
            before = len(self.records)
            self.records[:] = [one for one in self.records if one["id"] != record_id]
            return len(self.records) < before

    def at(self, name: str, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the records at a name."""
        with self.lock:
            return [one for one in self.records if one["name"] == name and kind in {None, one["type"]}]

    def shown(self, one: dict[str, Any]) -> dict[str, Any]:
        """Return a record as it is listed, with its shadow metadata."""
        labels = one["name"].removesuffix(f".{self.name}").split(".") if one["name"] != self.name else []
        cuts = {".".join([*labels[start:], self.name]) for start in range(len(labels))}
        with self.lock:
            above = [each["id"] for each in self.records if each["type"] == "NS" and each["name"] in cuts]
        return {**one, "meta": {"shadowed_by": above} if above and one["type"] != "NS" else {}}


def strings(content: str) -> list[bytes]:
    """Return the character-strings of a TXT's content. Raises Invalid where quotes do not match."""
    if not content.startswith('"'):
        text = content.encode()
        return [text[at : at + 255] for at in range(0, len(text), 255)]
    try:
        read = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, content)
    except dns.exception.DNSException:
        raise Invalid(9207, "Content for TXT record is invalid.") from None
    assert isinstance(read, TXT)
    return list(read.strings)


class Owner:
    """A zone as its owner sees it in the dashboard (`Provider` of the contract)."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        """Set the TXT set at a name: as an old API client does where that says the same, else in quotes."""
        with self._zone.lock:
            for one in self._zone.at(name, "TXT"):
                self._zone.drop(one["id"])
            for value in strings:
                self._zone.add(name, "TXT", _saved(value), ttl)

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return TTL and values of the set."""
        with self._zone.lock:
            there = self._zone.at(name, "TXT")
            ttls = {one["ttl"] for one in there}
            assert len(ttls) <= 1, f"one set, and several TTLs: {ttls}"
            return next(iter(ttls), None), sorted(b"".join(strings(one["content"])) for one in there)

    def snapshot(self) -> Sequence[object]:
        """Return all that stands in the zone."""
        with self._zone.lock:
            return sorted((one["name"], one["type"], one["ttl"], one["content"]) for one in self._zone.records)


def _saved(value: Sequence[bytes]) -> str:
    if len(value) == 1 and value[0].isalnum():
        return value[0].decode()
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, value).to_text()
