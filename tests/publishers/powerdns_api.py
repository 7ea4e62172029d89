"""A real PowerDNS with its HTTP API, and its zones as their owner sees them: in the database."""

import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.rdataclass
import dns.rdatatype
import httpx
from dns.rdtypes.ANY.TXT import TXT

from tests.real_powerdns import powerdns_serving
from tests.real_processes import free_port
from tests.real_servers import ZONES, RealServer, served

_API = """gsqlite3-dnssec=yes
api=yes
api-key={key}
webserver=yes
webserver-address=127.0.0.1
webserver-port={port}
webserver-allow-from={callers}
"""


def text(*strings: bytes) -> str:
    """Return the strings of a TXT record in presentation format."""
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings).to_text()


@dataclass(frozen=True, slots=True)
class RunningPowerDns:
    """A PowerDNS that runs; port `Provider`, for its zone example.test."""

    url: str
    api_key: str = field(repr=False)
    server: RealServer
    database: Path
    zone: str = "example.test"

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        """Set the TXT set at a name; each value as its character-strings."""
        self.write(name, "TXT", ttl, *(text(*one) for one in strings))

    def write(self, name: str, kind: str, ttl: int, *contents: str, disabled: bool = False) -> None:
        """Set the records of a type at a name, either those that are disabled or those that are not."""
        with closing(self._opened()) as database, database:
            database.execute(
                "DELETE FROM records WHERE name = ? AND type = ? AND disabled = ? AND domain_id = "
                "(SELECT id FROM domains WHERE name = ?)",
                (name, kind, disabled, self.zone),
            )
            for content in contents:
                self._insert(database, name, kind, ttl, content, disabled)

    def insert(self, name: str, kind: str, ttl: int, content: str) -> None:
        """Add a record."""
        with closing(self._opened()) as database, database:
            self._insert(database, name, kind, ttl, content)

    def delete(self, name: str, kind: str, content: str) -> None:
        """Delete a record."""
        with closing(self._opened()) as database, database:
            database.execute("DELETE FROM records WHERE name = ? AND type = ? AND content = ?", (name, kind, content))

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return TTL and values of the TXT set at a name, as anybody is served it."""
        return served(self.server.address, self.server.port, name)

    def snapshot(self) -> Sequence[object]:
        """Return all that stands in the zone, disabled records too, but its SOA and what has no type."""
        with closing(self._opened()) as database:
            return database.execute(
                "SELECT r.name, r.type, r.ttl, r.content, r.disabled FROM records r JOIN domains d"
                " ON r.domain_id = d.id WHERE d.name = ? AND r.type != 'SOA' AND r.type IS NOT NULL ORDER BY 1, 2, 4",
                (self.zone,),
            ).fetchall()

    def api(self, method: str, path: str, body: object = None) -> None:
        """Call the API, as its owner."""
        url = f"{self.url}/api/v1/servers/localhost{path}"
        answer = httpx.request(method, url, json=body, headers={"X-API-Key": self.api_key}, trust_env=False, timeout=5)
        assert answer.is_success, answer.text

    def locked(self) -> sqlite3.Connection:
        """Lock the database for all who write, until the connection is closed."""
        database = self._opened()
        database.execute("BEGIN IMMEDIATE")
        return database

    def _insert(
        self, database: sqlite3.Connection, name: str, kind: str, ttl: int, content: str, disabled: bool = False
    ) -> None:
        database.execute(
            "INSERT INTO records (domain_id, name, type, ttl, content, prio, disabled, auth)"
            " SELECT id, ?, ?, ?, ?, 0, ?, 1 FROM domains WHERE name = ?",
            (name, kind, ttl, content, disabled, self.zone),
        )

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(self.database, timeout=10)


@contextmanager
def running_powerdns(
    directory: Path, zones: Mapping[str, str] = ZONES, callers: str = "127.0.0.1"
) -> Iterator[RunningPowerDns]:
    """Run a PowerDNS for as long as the block lasts; `callers`: who may call its API."""
    key, port = secrets.token_urlsafe(24), free_port("127.0.0.1")
    server = RealServer(free_port("127.0.0.1"), "")
    with powerdns_serving(directory, server, zones, _API.format(key=key, port=port, callers=callers)):
        yield RunningPowerDns(f"http://127.0.0.1:{port}", key, server, directory / "zones.sqlite3")
