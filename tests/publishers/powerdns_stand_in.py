"""A stand-in for the HTTP API of a PowerDNS that takes EXTEND and PRUNE, which none of ours does.

Written from the vendor's documentation of the zones endpoint, its changelogs and what its source does:

- a PATCH is one transaction; several EXTEND and PRUNE of one set are allowed, one REPLACE or DELETE only;
- EXTEND adds a record unless its very content is there, with the TTL that it is sent with; from 5.1 on, one that is not
  the set's is refused, before that the set has two;
- EXTEND and PRUNE read what is served and write the whole set: disabled records are lost, and a CNAME is not noticed;
- from 5.0 on, `include_disabled` shows the disabled records of a name; without it, and before, only a whole zone has
  them;
- content must be sent as the server writes it.
"""

import re
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import dns.exception
import dns.rdata
from dns.rdtypes.ANY.TXT import TXT
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.publishers.powerdns_api import text
from txtproof.rehearsal.nexus_server import LoopbackServer

API_KEY = "the-key-of-the-stand-in"
SINGLE = ("EXTEND", "PRUNE")


@dataclass(frozen=True, slots=True)
class Stored:
    """A record in the database."""

    ttl: int
    content: str
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What comes in the place of the usual answer to the next request with the method."""

    method: str
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    applied: bool = False
    """Whether a change takes effect first."""
    ending: str = "answer"
    """`answer`, `reset` or `silence`."""


class Refused(Exception):
    """A 422."""


Sets = dict[tuple[str, str], list[Stored]]


class PowerDnsStandIn:
    """Run the stand-in for as long as the `with` block lasts; port `Provider`, for its zone example.test."""

    def __init__(self, version: str = "5.0.2", zone: str = "example.test", kind: str = "Native") -> None:
        self.version = version
        self.zones: dict[str, Sets] = {zone: {(zone, "NS"): [Stored(300, f"ns1.{zone}.")]}}
        self.kind = kind
        self.requests: list[tuple[str, str]] = []
        """Method and what was asked or changed, in order."""
        self.url = ""
        self._zone = zone
        self._number = tuple(map(int, version.split(".")))
        self._faults: deque[Fault] = deque()
        self._between: deque[Callable[[], None]] = deque()
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        routes = [
            Route("/api/v1/servers/localhost", self._server_object),
            Route("/api/v1/servers/localhost/zones/{id}", self._zone_object, methods=["GET", "PATCH"]),
        ]
        self._http = LoopbackServer(Starlette(routes=routes))
        self.url = self._http.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.stop()

    # As its owner sees it

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        """Set the TXT set at a name; each value as its character-strings."""
        self.write(name, "TXT", *(Stored(ttl, text(*one)) for one in strings))

    def write(self, name: str, kind: str, *records: Stored) -> None:
        """Set the records of a type at a name."""
        with self._lock:
            self._sets[name, kind] = list(records)

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return TTL and values of the TXT set at a name, as anybody is served it; two TTLs fail."""
        with self._lock:
            served = [one for one in self._sets.get((name, "TXT"), []) if not one.disabled]
        if not served:
            return None, []
        (ttl,) = {one.ttl for one in served}
        rdatas = [dns.rdata.from_text("IN", "TXT", one.content) for one in served]
        return ttl, sorted(b"".join(rdata.strings) for rdata in rdatas if isinstance(rdata, TXT))

    def snapshot(self) -> Sequence[object]:
        """Return all that stands in the zone."""
        with self._lock:
            return sorted(
                (name, kind, one.ttl, one.content, one.disabled)
                for (name, kind), records in self._sets.items()
                for one in records
            )

    def script(self, *faults: Fault) -> None:
        """Say what comes in the place of the next answers."""
        self._faults.extend(faults)

    def before_next_change(self, act: Callable[[], None]) -> None:
        """Have somebody else act after the reading and before the writing."""
        self._between.append(act)

    @property
    def _sets(self) -> Sets:
        return self.zones[self._zone]

    # As it answers

    async def _server_object(self, request: Request) -> Response:
        self.requests.append(("GET", "server"))
        return _refused(request) or JSONResponse({"type": "Server", "id": "localhost", "version": self.version})

    async def _zone_object(self, request: Request) -> Response:
        if unauthorized := _refused(request):
            return unauthorized
        if self._faults and self._faults[0].method == request.method:
            return await self._faulty(request, self._faults.popleft())
        return await self._usual(request)

    async def _usual(self, request: Request) -> Response:
        zone = re.sub("=([0-9A-F]{2})", lambda one: chr(int(one[1], 16)), request.path_params["id"]).removesuffix(".")
        if zone not in self.zones:
            return JSONResponse({"error": "Not Found"}, 404)
        if request.method == "GET":
            self.requests.append(("GET", request.url.query))
            return JSONResponse({"name": f"{zone}.", "kind": self.kind, "rrsets": self._shown(zone, request)})
        changes: list[dict[str, Any]] = (await request.json())["rrsets"]
        self.requests.append(("PATCH", " ".join(one["changetype"] for one in changes)))
        while self._between:
            self._between.popleft()()
        try:
            with self._lock:
                self._change(zone, changes)
        except Refused as refused:
            return JSONResponse({"error": str(refused)}, 422)
        return Response(status_code=204)

    async def _faulty(self, request: Request, fault: Fault) -> Response:
        if fault.applied:
            await self._usual(request)
        if fault.ending == "silence":
            await self._http.pause(request, None)
        elif fault.ending == "reset":
            self._http.reset(request)
        return Response(fault.body, fault.status, dict(fault.headers))

    def _shown(self, zone: str, request: Request) -> list[dict[str, Any]]:
        asked = request.query_params
        if asked.get("rrsets") == "false":
            return []
        name = asked.get("rrset_name", "").removesuffix(".")
        all_of_it = not name or (asked.get("include_disabled") == "true" and self._number >= (5,))
        shown = []
        with self._lock:
            for (owner, kind), records in self.zones[zone].items():
                seen = [one for one in records if all_of_it or not one.disabled]
                if seen and name in {"", owner}:
                    contents = [{"content": one.content, "disabled": one.disabled} for one in seen]
                    ttl = min(one.ttl for one in seen)
                    shown.append({"name": f"{owner}.", "type": kind, "ttl": ttl, "records": contents, "comments": []})
        return shown

    def _change(self, zone: str, changes: list[dict[str, Any]]) -> None:
        sets = {key: list(records) for key, records in self.zones[zone].items()}
        whole = [(one["name"], one["type"]) for one in changes if one["changetype"] not in SINGLE]
        if len(set(whole)) < len(whole):
            raise Refused("Duplicate RRset")
        for one in changes:
            name = one["name"].removesuffix(".")
            if not f".{name}".endswith(f".{zone}"):
                raise Refused(f"RRset {name}. IN {one['type']}: Name is out of zone")
            key = name, one["type"]
            sets[key] = self._changed(sets, key, one)
        self.zones[zone] = {key: records for key, records in sets.items() if records}

    def _changed(self, sets: Sets, key: tuple[str, str], change: dict[str, Any]) -> list[Stored]:
        records = [self._gathered(change["ttl"], one, key) for one in change["records"]]
        match change["changetype"]:
            case "REPLACE":
                if records and sets.get((key[0], "CNAME")):
                    raise Refused(f"RRset {key[0]}. IN TXT: Conflicts with pre-existing RRset")
                return _checked(records, key)
            case "EXTEND" | "PRUNE" if self._number >= (5, 0, 2) or (4, 9, 12) <= self._number < (5,):
                if len(records) != 1:
                    raise Refused("Exactly one record should be provided for PRUNE or EXTEND operation")
                (record,) = records
                served = [one for one in sets.get(key, []) if not one.disabled]
                same = [one for one in served if one.content == record.content]
                if bool(same) == (change["changetype"] == "EXTEND"):
                    return sets.get(key, [])
                return self._single(served, same, record, key)
        raise Refused(f"Changetype '{change['changetype']}' is not a valid value")

    def _single(self, served: list[Stored], same: list[Stored], record: Stored, key: tuple[str, str]) -> list[Stored]:
        if same:
            served.remove(same[0])
            return _checked(served, key)
        if self._number >= (5, 1) and any(one.ttl != record.ttl for one in served):
            raise Refused(f"RRset {key[0]}. IN TXT: uses a different TTL value than the remainder of the RRset")
        return _checked([*served, record], key)

    def _gathered(self, ttl: int, record: dict[str, Any], key: tuple[str, str]) -> Stored:
        content = record["content"]
        try:
            written = dns.rdata.from_text("IN", key[1], content).to_text()
        except dns.exception.DNSException as fault:
            raise Refused(f"Record {key[0]}./{key[1]} '{content}': {fault}") from None
        if written != content:
            raise Refused(f"Record {key[0]}./{key[1]} '{content}': Not in expected format (parsed as '{written}')")
        return Stored(ttl, content, record["disabled"])


def _checked(records: list[Stored], key: tuple[str, str]) -> list[Stored]:
    contents = [one.content for one in records]
    if len(set(contents)) < len(contents):
        raise Refused(f'RRset {key[0]}. IN {key[1]}: duplicate record with content "{contents[0]}"')
    return records


def _refused(request: Request) -> Response | None:
    return None if request.headers.get("x-api-key") == API_KEY else JSONResponse({"error": "Unauthorized"}, 401)
