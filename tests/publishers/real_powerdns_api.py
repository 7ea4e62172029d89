"""PowerDNS with its HTTP API, on ports of its own, and its zone as the owner sees it."""

import secrets
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.rdataclass
import dns.rdatatype
import httpx
from dns.rdtypes.ANY.TXT import TXT

from tests.real_processes import free_port, installed, need, started
from tests.real_servers import ADDRESS, served

SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
CONFIGURATION = """launch=gsqlite3
gsqlite3-database={directory}/zones.sqlite3
socket-dir={directory}
local-address=127.0.0.1:{port}
api=yes
api-key={key}
webserver=yes
webserver-address=127.0.0.1
webserver-port={api_port}
webserver-allow-from=127.0.0.1
setuid=
setgid=
daemon=no
guardian=no
disable-syslog=yes
write-pid=no
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
receiver-threads=1
distributor-threads=1
"""


@dataclass(frozen=True, slots=True)
class RealPowerDns:
    """A PowerDNS that runs for the whole session: tests use names of their own in its zone."""

    port: int
    api_port: int
    key: str = field(repr=False)
    zone: str = "example.test"

    @property
    def url(self) -> str:
        """Return where its API is."""
        return f"http://{ADDRESS}:{self.api_port}"

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        """Set the TXT set at a name."""
        self.put_records(
            name, "TXT", ttl, *(TXT(dns.rdataclass.IN, dns.rdatatype.TXT, one).to_text() for one in strings)
        )

    def put_records(self, name: str, kind: str, ttl: int, *contents: str) -> None:
        """Set a record set, from its text form."""
        records = [{"content": one, "disabled": False} for one in contents]
        change = {"name": f"{name}.", "type": kind, "ttl": ttl, "changetype": "REPLACE", "records": records}
        self.api("PATCH", f"/zones/{self.zone}.", {"rrsets": [change]})

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return TTL and values of the TXT set at a name, as anybody is served it."""
        return served(ADDRESS, self.port, name)

    def snapshot(self) -> Sequence[object]:
        """Return every record set but the SOA."""
        found = self.api("GET", f"/zones/{self.zone}.")["rrsets"]
        return sorted(
            (one["name"], one["type"], one["ttl"], sorted(record["content"] for record in one["records"]))
            for one in found
            if one["type"] != "SOA"
        )

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the API."""
        url = f"{self.url}/api/v1/servers/localhost{path}"
        answer = httpx.request(method, url, json=body, headers={"X-API-Key": self.key}, trust_env=False, timeout=5)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@contextmanager
def running_powerdns() -> Iterator[RealPowerDns]:
    """Run a PowerDNS for as long as the block lasts."""
    program = installed("pdns_server", "pdns-server")
    need(SCHEMA.exists(), "PowerDNS's backend for SQLite", "pdns-backend-sqlite3")
    with tempfile.TemporaryDirectory(prefix="txtproof-pdns-") as place:
        directory = Path(place)
        server = RealPowerDns(free_port(ADDRESS), free_port(ADDRESS), secrets.token_hex(16))
        with closing(sqlite3.connect(directory / "zones.sqlite3")) as database:
            database.executescript(SCHEMA.read_text())
        told = {"directory": directory, "port": server.port, "api_port": server.api_port, "key": server.key}
        (directory / "pdns.conf").write_text(CONFIGURATION.format(**told))

        def ready() -> bool:
            try:
                return server.api("GET", "") is not None
            except httpx.HTTPError as fault:
                raise OSError from fault

        with started([program, f"--config-dir={directory}"], directory / "log", ready):
            zone = {"name": f"{server.zone}.", "kind": "Native", "nameservers": [f"ns1.{server.zone}."]}
            server.api("POST", "/zones", zone)
            yield server
