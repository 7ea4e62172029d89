"""Stand-ins for vendors' APIs, each written from the vendor's public documentation; nothing here is a real account.

Behind all of them is one list of records; what differs is how each vendor tells them and takes them.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.publishers.stand_in import Asked, Said

TOKEN = "hunter2-of-the-vendor"


@dataclass(slots=True)
class Held:
    """A record that a vendor holds."""

    id: int
    type: str
    name: str
    value: str
    ttl: int


class Vendor:
    """A zone at a vendor; port `Provider` of the contract, for its owner."""

    hosts: tuple[str, ...] = ()
    provider = ""
    apex = "@"

    def __init__(self, zone: str = "example.test") -> None:
        self.zone = zone
        self.records: list[Held] = []
        self.lock = threading.Lock()
        self._last = 0

    @property
    def settings(self) -> dict[str, str]:
        """Return the options that lexicon wants; each is a secret."""
        return {"auth_token": TOKEN}

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        """Set the TXT set at a name."""
        with self.lock:
            self.records = [one for one in self.records if one.name != name or one.type != "TXT"]
            for value in strings:
                self.add("TXT", name, b"".join(value).decode(), ttl)

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return TTL and values of the TXT set at a name; there is one TTL, or something is wrong."""
        with self.lock:
            found = [one for one in self.records if one.name == name and one.type == "TXT"]
        ttls = {one.ttl for one in found}
        assert len(ttls) < 2, ttls
        return next(iter(ttls), None), sorted(one.value.encode() for one in found)

    def snapshot(self) -> Sequence[object]:
        """Return all that stands in the zone."""
        with self.lock:
            return sorted((one.name, one.type, one.value, one.ttl) for one in self.records)

    def add(self, kind: str, name: str, value: str, ttl: int) -> Held:
        """Hold one more record."""
        self._last += 1
        held = Held(self._last, kind, name, value, ttl)
        self.records.append(held)
        return held

    def drop(self, number: int) -> None:
        """Hold a record no more."""
        self.records = [one for one in self.records if one.id != number]

    def relative(self, name: str) -> str:
        """Return a name as the vendor tells it."""
        return name.removesuffix(self.zone).removesuffix(".") or self.apex

    def absolute(self, relative: str) -> str:
        """Return a name that the vendor was told."""
        return self.zone if relative == self.apex else f"{relative}.{self.zone}"

    def __call__(self, asked: Asked) -> Said:
        """Answer a request."""
        if asked.host not in self.hosts or not self.knows(asked):
            return Said(401, b'{"message": "no such token"}')
        url = urlsplit(asked.path)
        sent = asked.body if asked.body[:1] in b"{[" else b""
        query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        with self.lock:
            status, body = self.answer(asked.method, url.path, query, json.loads(sent or b"null"))
        return Said(status, b"" if status == 204 else json.dumps(body).encode())

    def knows(self, asked: Asked) -> bool:
        """Say whether the credential is right."""
        return asked.headers.get("Authorization") == f"Bearer {TOKEN}"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Answer a request whose credential is right."""
        raise NotImplementedError


class DigitalOcean(Vendor):
    """https://docs.digitalocean.com/reference/api/: one record each, `@` is the zone's own name."""

    hosts = ("api.digitalocean.com",)
    provider = "digitalocean"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        base = f"/v2/domains/{self.zone}"
        match method, path.removeprefix(base):
            case "GET", "":
                return 200, {"domain": {"name": self.zone}}
            case "GET", "/records":
                return 200, {"domain_records": [self._told(one) for one in self.records], "links": {}}
            case "POST", "/records":
                if not body["name"]:
                    return 422, {"id": "unprocessable_entity", "message": "Name can't be blank"}
                held = self.add(body["type"], self.absolute(body["name"]), body["data"], body["ttl"])
                return 201, {"domain_record": self._told(held)}
            case "DELETE", place:
                self.drop(int(place.rpartition("/")[2]))
                return 204, None
        return 404, {"id": "not_found"}

    def _told(self, one: Held) -> dict[str, Any]:
        return {"id": one.id, "type": one.type, "name": self.relative(one.name), "data": one.value, "ttl": one.ttl}


class Cloudflare(Vendor):
    """https://developers.cloudflare.com/api/: one record each, whole names, quotes around what it tells."""

    hosts = ("api.cloudflare.com",)
    provider = "cloudflare"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        match method, path.removeprefix("/client/v4/zones"):
            case "GET", "":
                return 200, self._page([{"id": "z1", "name": self.zone}])
            case "GET", "/z1/dns_records":
                found = [
                    one
                    for one in self.records
                    if one.type == query.get("type", one.type) and one.name == query.get("name", one.name)
                ]
                return 200, self._page([self._told(one) for one in found])
            case "POST", "/z1/dns_records":
                held = self.add(body["type"], body["name"], body["content"], body["ttl"])
                return 200, {"success": True, "errors": [], "result": self._told(held)}
            case "DELETE", place:
                self.drop(int(place.rpartition("/")[2]))
                return 200, {"success": True, "result": {}}
        return 404, {"success": False, "errors": [{"code": 7003}]}

    def _told(self, one: Held) -> dict[str, Any]:
        return {"id": str(one.id), "type": one.type, "name": one.name, "content": f'"{one.value}"', "ttl": one.ttl}

    def _page(self, result: list[Any]) -> dict[str, Any]:
        return {"success": True, "errors": [], "result": result, "result_info": {"page": 1, "total_pages": 1}}


class Hetzner(Vendor):
    """https://docs.hetzner.cloud/reference/cloud: sets that single values are added to and taken out of."""

    hosts = ("api.hetzner.cloud",)
    provider = "hetzner"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        rest = path.removeprefix("/v1/zones")
        match method, rest:
            case "GET", _ if rest == f"/{self.zone}":
                return 200, {"zone": {"id": 7, "name": self.zone}}
            case "GET", "/7/rrsets":
                page = {"page": 1, "last_page": 1, "next_page": None}
                return 200, {"rrsets": self._sets(query), "meta": {"pagination": page}}
            case "POST", _ if "/actions/" in rest:
                return self._acted(rest, body)
        return 404, {"error": {"code": "not_found"}}

    def _sets(self, query: dict[str, str]) -> list[dict[str, Any]]:
        sets: dict[tuple[str, str], list[Held]] = {}
        for one in self.records:
            key = self.relative(one.name), one.type
            if key == (query.get("name", key[0]), query.get("type", key[1])):
                sets.setdefault(key, []).append(one)
        return [
            {"name": name, "type": kind, "ttl": held[0].ttl, "records": [{"value": f'"{one.value}"'} for one in held]}
            for (name, kind), held in sets.items()
        ]

    def _acted(self, rest: str, body: Any) -> tuple[int, Any]:
        _, _, _, relative, kind, _, action = rest.split("/")
        name, values = self.absolute(relative), [one["value"].strip('"') for one in body["records"]]
        there = [one for one in self.records if one.name == name and one.type == kind]
        done = {"action": {"id": 1, "status": "success"}}
        if action == "add_records":
            if there and body["ttl"] not in {None, there[0].ttl}:
                return 422, {"error": {"code": "invalid_input", "message": "the set has another TTL"}}
            for value in values:
                self.add(kind, name, value, body["ttl"])
            return 201, done
        for one in there:
            if one.value in values:
                self.drop(one.id)
        return 201, done


class Ovh(Vendor):
    """https://api.ovh.com/console/: one record each, fetched by id; requests are signed."""

    hosts = ("eu.api.ovh.com",)
    provider = "ovh"
    apex = ""

    @property
    def settings(self) -> dict[str, str]:
        """Return the options that lexicon wants."""
        return {
            "auth_entrypoint": "ovh-eu",
            "auth_application_key": "hunter2-application",
            "auth_application_secret": "hunter2-application-secret",
            "auth_consumer_key": "hunter2-consumer",
        }

    def knows(self, asked: Asked) -> bool:
        """Say whether the credential is right; the time is anybody's to ask for."""
        return asked.path == "/1.0/auth/time" or asked.headers.get("X-Ovh-Consumer") == "hunter2-consumer"

    def absolute(self, relative: str) -> str:
        """Return a name that the vendor was told; the apex is empty here."""
        return f"{relative}.{self.zone}".removeprefix(".")

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        base = f"/1.0/domain/zone/{self.zone}"
        match method, path.removeprefix(base):
            case "GET", "/1.0/auth/time":
                return 200, 1_790_000_000
            case "GET", "/1.0/domain/zone/":
                return 200, [self.zone]
            case "GET", "/status":
                return 200, {"isDeployed": True}
            case "GET", "/record":
                kind, name = query.get("fieldType"), self.absolute(query.get("subDomain", ""))
                return 200, [one.id for one in self.records if one.type == kind and one.name == name]
            case "GET", place:
                found = [one for one in self.records if str(one.id) == place.rpartition("/")[2]]
                return (200, self._told(found[0])) if found else (404, {"message": "no such record"})
            case "POST", "/record":
                held = self.add(body["fieldType"], self.absolute(body["subDomain"]), body["target"], body.get("ttl", 0))
                return 200, self._told(held)
            case "POST", "/refresh":
                return 200, None
            case "DELETE", place:
                self.drop(int(place.rpartition("/")[2]))
                return 200, None
        return 404, {"message": "not found"}

    def _told(self, one: Held) -> dict[str, Any]:
        return {
            "id": one.id,
            "fieldType": one.type,
            "subDomain": self.relative(one.name),
            "target": f'"{one.value}"',
            "ttl": one.ttl,
        }
