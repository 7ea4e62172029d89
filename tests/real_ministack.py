"""MiniStack, a Route 53 on this machine: it refuses to delete what is not exactly what stands there, as Amazon's does.

Where it is not installed, its tests are skipped; under TXTPROOF_REQUIRE_SERVERS=1 they fail.
"""

import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.real_processes import free_port, need, started

VENV = Path(__file__).parents[1] / ".venv-ministack"
"""Its own environment: it pins another botocore."""
HOW = "python3-venv, python3 -m venv .venv-ministack, .venv-ministack/bin/pip install -r tests/ministack.txt"
ZONE = "example.test"
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r'\\([0-7]{3}|["\\])')


@dataclass(frozen=True, slots=True)
class MiniStack:
    """Route 53 with one public hosted zone, as the account's owner sees it; port `Provider` of the contract."""

    url: str
    client: Any = field(repr=False)
    zone: str = ZONE
    zone_id: str = ""
    access_key_id: SecretStr = field(default_factory=lambda: SecretStr("AKIA" + secrets.token_hex(8).upper()))
    secret_access_key: SecretStr = field(default_factory=lambda: SecretStr(secrets.token_hex(20)))

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        """Set the TXT set at a name; each value as its character-strings."""
        # every octet as an escape: nobody else's way to write a value is ours
        texts = [" ".join('"' + "".join(f"\\{octet:03o}" for octet in one) + '"' for one in value) for value in strings]
        self.apply("UPSERT", name, "TXT", TTL=ttl, ResourceRecords=[{"Value": text} for text in texts])

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return TTL and values of the TXT set at a name, sorted; None and nothing where there is none."""
        for one in self.sets():
            if (one["Name"], one["Type"]) == (f"{name}.", "TXT"):
                return one.get("TTL"), sorted(_value(record["Value"]) for record in one.get("ResourceRecords", ()))
        return None, []

    def snapshot(self) -> Sequence[object]:
        """Return every record set of the zone, in order."""
        return self.sets()

    def sets(self) -> list[dict[str, Any]]:
        """Return every record set of the zone, its values in order."""
        pages = self.client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=self.zone_id)
        found: list[dict[str, Any]] = [one for page in pages for one in page["ResourceRecordSets"]]
        for one in found:
            one.get("ResourceRecords", []).sort(key=lambda record: record["Value"])
        return found

    def apply(self, action: str, name: str, kind: str, **members: Any) -> None:
        """Change one record set, of whatever kind."""
        change = {"Action": action, "ResourceRecordSet": {"Name": f"{name}.", "Type": kind, **members}}
        self.client.change_resource_record_sets(HostedZoneId=self.zone_id, ChangeBatch={"Changes": [change]})

    def add_zone(self, name: str, *, private: bool = False) -> str:
        """Create one more hosted zone, of that name or of one that there is; return its id."""
        config = {"HostedZoneConfig": {"PrivateZone": True}} if private else {}
        made = self.client.create_hosted_zone(Name=name, CallerReference=secrets.token_hex(8), **config)
        return str(made["HostedZone"]["Id"]).rpartition("/")[2]


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """MiniStack, with the zone `ZONE`."""
    with running(tmp_path_factory.mktemp("ministack")) as server:
        yield server


@contextmanager
def running(directory: Path) -> Iterator[MiniStack]:
    """Run it for as long as the block lasts."""
    program = shutil.which("ministack", path=os.pathsep.join((str(VENV / "bin"), os.environ.get("PATH", ""))))
    need(program is not None, "MiniStack", HOW)
    port = free_port("127.0.0.1")
    # it listens on all addresses unless it is told one, and writes its pid into TMPDIR
    told = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "route53", "TMPDIR": str(directory)}
    command = ["env", *(f"{name}={value}" for name, value in told.items()), "LOG_LEVEL=WARNING", str(program)]
    with started(command, directory / "log", lambda: _accepts(port)):
        yield _with_zone(f"http://127.0.0.1:{port}")


def owner(url: str) -> Any:
    """Return a client of the account's owner."""
    from boto3.session import Session

    session = Session(aws_access_key_id="owner", aws_secret_access_key="owner", region_name="us-east-1")
    return session.client("route53", endpoint_url=url)


def _with_zone(url: str) -> MiniStack:
    client = owner(url)
    zone_id = client.create_hosted_zone(Name=ZONE, CallerReference="first")["HostedZone"]["Id"].rpartition("/")[2]
    server = MiniStack(url, client, zone_id=zone_id)
    server.put(ZONE, 300, [b"v=spf1 include:_spf.mail.test -all"])
    server.apply("UPSERT", f"www.{ZONE}", "A", TTL=300, ResourceRecords=[{"Value": "192.0.2.1"}])
    return server


def _accepts(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def _value(text: str) -> bytes:
    strings = _STRING.findall(text)
    return "".join(_ESCAPE.sub(lambda found: _character(found[1]), string) for string in strings).encode("latin-1")


def _character(escape: str) -> str:
    return chr(int(escape, 8)) if len(escape) == 3 else escape
