"""NSD, for zones of its own and as a secondary of another server that never tells it of a change."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.real_processes import installed, started
from tests.real_servers import RealServer

_SERVER = """server:
    ip-address: {address}@{port}
    username: ""
    chroot: ""
    database: ""
    zonesdir: "{directory}"
    zonelistfile: "{directory}/zone.list"
    xfrdfile: "{directory}/xfrd.state"
    xfrdir: "{directory}"
    pidfile: "{directory}/nsd.pid"
    server-count: 1
remote-control:
    control-enable: no
"""
_PRIMARY = """zone:
    name: {origin}
    zonefile: {origin}.zone
"""
_SECONDARY = """zone:
    name: {origin}
    zonefile: {origin}.copy
    allow-notify: 127.0.0.1 BLOCKED
    request-xfr: AXFR {primary}@{port} NOKEY
"""


@contextmanager
def nsd_serving(
    directory: Path, server: RealServer, zones: Mapping[str, str], copied: Mapping[str, str], away: Mapping[str, str]
) -> Iterator[None]:
    """Run NSD. `copied`: origins and the address of their primary, on the same port; `away`: where nobody is."""
    nsd = installed("nsd", "nsd")
    words = {"directory": directory, "address": server.address, "port": server.port}
    for origin, text in zones.items():
        (directory / f"{origin}.zone").write_text(text)
    parts = [_SERVER.format(**words), *(_PRIMARY.format(origin=origin) for origin in zones)]
    for origin, primary in {**copied, **away}.items():
        parts.append(_SECONDARY.format(origin=origin, primary=primary, port=server.port))
    (directory / "nsd.conf").write_text("".join(parts))
    command = [nsd, "-d", "-c", str(directory / "nsd.conf")]
    with started(command, directory / "log", lambda: all(map(server.serves, (*zones, *copied)))):
        yield
