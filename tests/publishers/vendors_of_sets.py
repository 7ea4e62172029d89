"""More stand-ins for vendors' APIs, from their public documentation: those that write whole sets, or guess at names."""

import json
from base64 import b64encode
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.publishers.stand_in import Asked
from tests.publishers.vendors import TOKEN, Held, Vendor


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs8, unencrypted = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, unencrypted).decode()


class VendorOfSets(Vendor):
    """A vendor whose API takes whole sets."""

    def held(self, name: str) -> list[Held]:
        """Return the TXT set at a name."""
        return [one for one in self.records if one.name == name and one.type == "TXT"]

    def replace(self, name: str, ttl: int, values: list[str]) -> None:
        """Hold these values at a name, and no others."""
        self.records = [one for one in self.records if one not in self.held(name)]
        for value in values:
            self.add("TXT", name, value, ttl)


class GoogleCloudDns(VendorOfSets):
    """https://cloud.google.com/dns/docs/reference/rest/v1: a change deletes whole sets as they are, and adds others."""

    hosts = ("www.googleapis.com", "content.googleapis.com")
    provider = "googleclouddns"

    @property
    def settings(self) -> dict[str, str]:
        """Return the options that lexicon wants."""
        account = {"client_email": "a@b.test", "private_key": _private_key(), "project_id": "p"}
        return {"auth_service_account_info": "base64::" + b64encode(json.dumps(account).encode()).decode()}

    def knows(self, asked: Asked) -> bool:
        """Say whether the credential is right; a token is had for a signed assertion."""
        signed = b"assertion" in parse_qs(asked.body)
        return signed or super().knows(asked)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        match method, path.removeprefix("/dns/v1/projects/p"):
            case "POST", "/oauth2/v4/token":
                return 200, {"access_token": TOKEN}
            case "GET", "/managedZones":
                return 200, {"managedZones": [{"id": "z", "dnsName": f"{self.zone}."}]}
            case "GET", "/managedZones/z/rrsets":
                sets = self._sets()
                return 200, {"rrsets": [one for one in sets if one["name"] == query.get("name", one["name"])]}
            case "POST", "/managedZones/z/changes":
                if any(one not in self._sets() for one in body.get("deletions", ())):
                    return 412, {"error": {"code": 412, "message": "Precondition not met"}}
                for one in body.get("deletions", ()):
                    self.replace(one["name"].rstrip("."), 0, [])
                for one in body.get("additions", ()):
                    self.replace(one["name"].rstrip("."), one["ttl"], [text[1:-1] for text in one["rrdatas"]])
                return 200, {"status": "done"}
        return 404, {"error": {"code": 404}}

    def _sets(self) -> list[dict[str, Any]]:
        sets: dict[tuple[str, str, int], list[str]] = {}
        for one in self.records:
            sets.setdefault((one.name, one.type, one.ttl), []).append(f'"{one.value}"')
        return [
            {"name": f"{name}.", "type": kind, "ttl": ttl, "rrdatas": values}
            for (name, kind, ttl), values in sets.items()
        ]


class Gandi(VendorOfSets):
    """https://api.gandi.net/docs/livedns/: sets, with values in quotes."""

    hosts = ("api.gandi.net",)
    provider = "gandi"

    @property
    def settings(self) -> dict[str, str]:
        """Return the options that lexicon wants."""
        return {"auth_token": TOKEN, "api_protocol": "rest"}

    def knows(self, asked: Asked) -> bool:
        """Say whether the credential is right."""
        return asked.headers.get("Authorization") == f"Apikey {TOKEN}"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        rest = path.removeprefix(f"/v5/livedns/domains/{self.zone}")
        if not rest:
            return 200, {"fqdn": self.zone}
        relative = rest.split("/")[2]
        name = self.absolute(relative)
        match method:
            case "GET" if there := self.held(name) if rest.endswith("/TXT") else []:
                told = {"rrset_name": relative, "rrset_type": "TXT", "rrset_ttl": there[0].ttl}
                return 200, told | {"rrset_values": [f'"{one.value}"' for one in there]}
            case "POST" | "PUT":
                values = [value.strip('"') for value in body["rrset_values"]]
                self.replace(name, body.get("rrset_ttl", 10800), values)
                return 201, {"message": "DNS Record Created"}
            case "DELETE":
                self.replace(name, 0, [])
                return 204, None
        return 404, {"code": 404}


class Azure(VendorOfSets):
    """https://learn.microsoft.com/rest/api/dns/: sets, with values as lists of strings."""

    hosts = ("login.microsoftonline.com", "management.azure.com")
    provider = "azure"

    @property
    def settings(self) -> dict[str, str]:
        """Return the options that lexicon wants."""
        ids = ("auth_client_id", "auth_tenant_id", "auth_subscription_id", "resource_group")
        return {"auth_client_secret": "hunter2-of-azure"} | {one: one.replace("_", "-") for one in ids}

    def knows(self, asked: Asked) -> bool:
        """Say whether the credential is right; a token is had for a secret."""
        return b"client_secret=hunter2-of-azure" in asked.body or super().knows(asked)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        rest = path.removeprefix("/zones/z")
        match method, rest:
            case "POST", _ if rest.endswith("/oauth2/token"):
                return 200, {"access_token": TOKEN}
            case "GET", _ if rest.endswith("/dnsZones"):
                return 200, {"value": [{"name": self.zone, "id": "/zones/z"}]}
            case "GET", "/TXT":
                return 200, {"value": [self._told(one) for one in sorted({one.name for one in self.records})]}
            case "GET", _:
                return 200, {"value": []}
            case "PUT" | "PATCH", _:
                given = body["properties"]
                values = ["".join(one["value"]) for one in given["TXTRecords"]]
                self.replace(self.absolute(rest.split("/")[2]), given["TTL"], values)
                return 201, {}
            case "DELETE", _:
                self.replace(self.absolute(rest.split("/")[2]), 0, [])
                return 200, {}
        return 404, {}

    def _told(self, name: str) -> dict[str, Any]:
        there = self.held(name)
        texts = [{"value": [one.value]} for one in there]
        kind = "Microsoft.Network/dnszones/TXT"
        return {"name": self.relative(name), "type": kind, "properties": {"TTL": there[0].ttl, "TXTRecords": texts}}


class GoDaddy(VendorOfSets):
    """https://developer.godaddy.com/doc/endpoint/domains: all records of a type, or those at a name, are written."""

    hosts = ("api.godaddy.com",)
    provider = "godaddy"

    @property
    def settings(self) -> dict[str, str]:
        """Return the options that lexicon wants."""
        return {"auth_key": "hunter2-key", "auth_secret": "hunter2-secret"}

    def knows(self, asked: Asked) -> bool:
        """Say whether the credential is right."""
        return asked.headers.get("Authorization") == "sso-key hunter2-key:hunter2-secret"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        match method, path.removeprefix(f"/v1/domains/{self.zone}").split("/")[1:]:
            case "GET", []:
                return 200, {"domainId": 5, "domain": self.zone}
            case "GET", ["records", *where]:
                wanted = [one for one in self.records if not where or one.type == where[0]]
                if len(where) > 1:
                    wanted = [one for one in wanted if one.name == self.absolute(where[1])]
                return 200, [self._told(one) for one in wanted]
            case "PUT", ["records", "TXT", relative]:
                self.replace(self.absolute(relative), body[0]["ttl"], [one["data"] for one in body])
                return 200, {}
            case "PUT", ["records", "TXT"]:
                self.records = [one for one in self.records if one.type != "TXT"]
                for one in body:
                    self.add("TXT", self.absolute(one["name"]), one["data"], one["ttl"])
                return 200, {}
            case "DELETE", ["records", "TXT", relative]:
                self.replace(self.absolute(relative), 0, [])
                return 204, None
        return 404, {}

    def _told(self, one: Held) -> dict[str, Any]:
        return {"type": one.type, "name": self.relative(one.name), "data": one.value, "ttl": one.ttl}


class FlexibleEngine(VendorOfSets):
    """https://docs.prod-cloud-ocb.orange-business.com/: sets, each with an id."""

    hosts = ("dns.prod-cloud-ocb.orange-business.com",)
    provider = "flexibleengine"

    def knows(self, asked: Asked) -> bool:
        """Say whether the credential is right."""
        return asked.headers.get("X-Auth-Token") == TOKEN

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        match method, path.removeprefix("/v2/zones"):
            case "GET", "":
                return 200, {"zones": [{"id": "z", "name": f"{self.zone}."}]}
            case "GET", "/z/recordsets":
                return 200, {"recordsets": [self._told(one) for one in sorted({one.name for one in self.records})]}
            case "POST", "/z/recordsets":
                if self.held(body["name"]):
                    return 400, {"code": "DNS.0312", "message": "exists"}
                self.replace(body["name"], body["ttl"], [one[1:-1] for one in body["records"]])
                return 202, {}
            case "DELETE", place:
                self.replace(place.rpartition("/")[2], 0, [])
                return 202, {}
        return 404, {}

    def _told(self, name: str) -> dict[str, Any]:
        there = self.held(name)
        values = [f'"{one.value}"' for one in there]
        return {"type": "TXT", "name": f"{name}.", "ttl": there[0].ttl, "records": values, "id": name}


class Linode(Vendor):
    """https://techdocs.akamai.com/linode-api/: one record each, an empty name for the zone's own."""

    hosts = ("api.linode.com",)
    provider = "linode"
    apex = ""

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        match method, path.removeprefix("/v4/domains"):
            case "GET", "":
                return 200, {"data": [{"id": 1, "domain": self.zone}]}
            case "GET", "/1/records":
                return 200, {"pages": 1, "data": [self._told(one) for one in self.records]}
            case "POST", "/1/records":
                self.add(body["type"], self.absolute(body["name"]), body["target"], body["ttl_sec"])
                return 200, {}
            case "DELETE", place:
                self.drop(int(place.rpartition("/")[2]))
                return 200, {}
        return 404, {}

    def _told(self, one: Held) -> dict[str, Any]:
        return {
            "id": one.id,
            "type": one.type,
            "name": self.relative(one.name),
            "target": one.value,
            "ttl_sec": one.ttl,
        }


class Vultr(Vendor):
    """https://www.vultr.com/api/: one record each, in quotes, an empty name for the zone's own."""

    hosts = ("api.vultr.com",)
    provider = "vultr"
    apex = ""

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        links = {"meta": {"links": {"next": ""}}}
        match method, path.removeprefix("/v2/domains"):
            case "GET", "":
                return 200, {"domains": [{"domain": self.zone}], **links}
            case "GET", _:
                return 200, {"records": [self._told(one) for one in self.records], **links}
            case "POST", _:
                held = self.add(body["type"], self.absolute(body["name"]), body["data"].strip('"'), body["ttl"])
                return 201, {"record": self._told(held)}
            case "DELETE", place:
                self.drop(int(place.rpartition("/")[2]))
                return 204, None
        return 404, {}

    def _told(self, one: Held) -> dict[str, Any]:
        return {
            "id": str(one.id),
            "type": one.type,
            "name": self.relative(one.name),
            "data": f'"{one.value}"',
            "ttl": one.ttl,
        }


def said_nothing_of_writing(asked: list[Asked]) -> bool:
    """Say whether nothing was asked but reading, and for tokens."""
    writing = {"POST", "PUT", "PATCH", "DELETE"}
    return not any(one.method in writing and "token" not in one.path for one in asked)
