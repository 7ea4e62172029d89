"""PowerDNS that takes signed updates, as an operator would set it up: the keys of each zone are metadata of it."""

import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes

import pytest

from tests.real_powerdns import powerdns_serving
from tests.real_processes import free_port, installed
from tests.real_servers import ADDRESS, ALGORITHM, IDLE_KEY, KEYS, ZONES, RealServer

_UPDATES = """dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
domain-metadata-cache-ttl=0
"""
_ALLOWED = ("TSIG-ALLOW-DNSUPDATE", "TSIG-ALLOW-AXFR")


@pytest.fixture(scope="session")
def powerdns() -> Iterator[RealServer]:
    """PowerDNS, primary of `ZONES`."""
    with running_powerdns() as (server, *_):
        yield server


@contextmanager
def running_powerdns() -> Iterator[tuple[RealServer, subprocess.Popen[bytes], list[str]]]:
    """Run PowerDNS, primary of `ZONES`, for as long as the block lasts; yield its process and its command too."""
    with tempfile.TemporaryDirectory(prefix="txtproof-dns-") as name:
        directory = Path(name)
        server = RealServer(free_port(ADDRESS), b64encode(token_bytes(32)).decode(), ADDRESS, log=directory / "log")
        zones = {origin: f"$ORIGIN {origin}.\n{records}" for origin, records in ZONES.items()}
        with powerdns_serving(directory, server, zones, _UPDATES) as process:
            _give_keys(directory, server)
            yield server, process, [installed("pdns_server", "pdns-server"), f"--config-dir={directory}"]


def _give_keys(directory: Path, server: RealServer) -> None:
    """Let the server's keys write and copy every zone."""
    util = [installed("pdnsutil", "pdns-server"), f"--config-dir={directory}"]
    for key, algorithm in {**KEYS, IDLE_KEY: ALGORITHM}.items():
        _told([*util, "import-tsig-key", key, algorithm, server.tsig_secret])
    for origin in ZONES:
        for kind in _ALLOWED:
            _told([*util, "set-meta", origin, kind, *KEYS])


def _told(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
