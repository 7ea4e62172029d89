"""Knot DNS, the real one, with a few addresses and one zone; it counts the questions that it is asked."""

import re
import secrets
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.exception
import dns.message
import dns.query

from benchmarks.children import Child, program, undisturbed
from txtproof.rehearsal.valkey import free_port

ZONE = "bench.test"
ADDRESSES = ("127.0.0.1", "127.0.0.2")
KEY = "bench-key"
READY_WITHIN = 15.0
"""Seconds."""

_CONFIGURATION = """server:
    rundir: "{directory}"
    listen: [{listen}]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    tcp-max-clients: 4000
log:
  - target: stderr
    any: warning
database:
    storage: "{directory}"
    journal-db-mode: asynchronous
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: updates
    address: 127.0.0.0/8
    key: {key}
    action: update
mod-stats:
  - id: counted
    query-type: on
template:
  - id: default
    storage: "{directory}"
    file: "%s.zone"
    zonefile-sync: -1
    journal-content: changes
    global-module: mod-stats/counted
zone:
  - domain: {zone}
    acl: updates
"""


class Knot:
    """Serve the zone for as long as the `with` block lasts. Keys may change it (RFC 2136)."""

    def __init__(
        self,
        addresses: Sequence[str] = ADDRESSES,
        *,
        records: str = "",
        silent: Sequence[str] = (),
        before: Sequence[str] = (),
    ) -> None:
        """Take the name servers' addresses, and lines for the zone file.

        `silent`: those of the addresses at which it does not listen; `before`: a command to start it by.
        """
        self._addresses = addresses
        self._records = records
        self._listen = [one for one in addresses if one not in silent]
        self._before = before
        self.port = free_port()
        self.secret = b64encode(secrets.token_bytes(32)).decode()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            directory = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="txtproof-knot-")))
            self._configuration = self._write(directory)
            command = [*self._before, program("knotd", "knot"), "-c", str(self._configuration)]
            self._child = opening.enter_context(Child(command, directory / "log"))
            wait_until_served(self._child, self.port, self._listen)
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            self._closing.close()

    @property
    def server(self) -> str:
        """Return `address:port` of the primary."""
        return f"{self._listen[0]}:{self.port}"

    @property
    def pid(self) -> int:
        """Return the server's process id."""
        return self._child.pid

    def questions(self) -> dict[str, int]:
        """Return how many questions of each type it has been asked so far."""
        asked = [program("knotc", "knot"), "-c", str(self._configuration), "stats", "mod-stats.query-type"]
        said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        return {kind: int(count) for kind, count in re.findall(r"query-type\[(\S+)\] = (\d+)", said)}

    def _write(self, directory: Path) -> Path:
        (directory / f"{ZONE}.zone").write_text(zone_file(self._addresses) + self._records)
        configuration = directory / "knot.conf"
        configuration.touch(mode=0o600)
        listen = ", ".join(f"{one}@{self.port}" for one in self._listen)
        configuration.write_text(
            _CONFIGURATION.format(directory=directory, listen=listen, key=KEY, secret=self.secret, zone=ZONE)
        )
        return configuration


def zone_file(addresses: Sequence[str]) -> str:
    """Return the zone, served at these addresses."""
    lines = [f"$ORIGIN {ZONE}.", "$TTL 3600", "@ IN SOA ns1 hostmaster 1 3600 600 86400 5"]
    for place, address in enumerate(addresses, 1):
        kind = "AAAA" if ":" in address else "A"
        lines += [f"@ IN NS ns{place}", f"ns{place} IN {kind} {address}"]
    return "\n".join(lines) + "\n"


def wait_until_served(child: Child, port: int, addresses: Sequence[str]) -> None:
    """Wait until all addresses answer. Raises RuntimeError with the server's log."""
    query = dns.message.make_query(ZONE, "SOA")
    deadline = time.monotonic() + READY_WITHIN
    while True:
        try:
            if all(dns.query.udp(query, one, 0.2, port).answer for one in addresses):
                return
        except (OSError, dns.exception.DNSException):
            child.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"the name server does not start:\n{child.log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
