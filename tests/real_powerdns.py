"""PowerDNS with zones in SQLite, on a port of its own."""

import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from tests.real_processes import installed, need, started
from tests.real_servers import RealServer

_SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
_CONFIGURATION = """launch=gsqlite3
gsqlite3-database={directory}/zones.sqlite3
socket-dir={directory}
local-address={address}:{port}
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


@contextmanager
def powerdns_serving(directory: Path, server: RealServer, zones: Mapping[str, str], more: str = "") -> Iterator[None]:
    """Run PowerDNS with these zones, given as text; `more` are lines of its configuration."""
    pdns, util = (installed(name, "pdns-server") for name in ("pdns_server", "pdnsutil"))
    need(_SCHEMA.exists(), "PowerDNS's backend for SQLite", "pdns-backend-sqlite3")
    told = {"directory": directory, "address": server.address, "port": server.port}
    (directory / "pdns.conf").write_text(_CONFIGURATION.format(**told) + more)
    with closing(sqlite3.connect(directory / "zones.sqlite3")) as database:
        database.executescript(_SCHEMA.read_text())
    for origin, text in zones.items():
        (directory / f"{origin}.zone").write_text(text)
        # without the second, a name that has only names below it does not exist
        for words in (["load-zone", origin, str(directory / f"{origin}.zone")], ["rectify-zone", origin]):
            subprocess.run([util, f"--config-dir={directory}", *words], check=True, capture_output=True)
    with started([pdns, f"--config-dir={directory}"], directory / "log", lambda: all(map(server.serves, zones))):
        yield
