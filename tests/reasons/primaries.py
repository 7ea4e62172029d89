"""BIND and Knot as primaries of zones that are given as text."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.real_processes import installed, started
from tests.real_servers import RealServer

_NAMED = """key "{key}" {{ algorithm {algorithm}; secret "{secret}"; }};
options {{ directory "{directory}"; listen-on port {port} {{ {address}; }}; listen-on-v6 {{ none; }};
  pid-file "{directory}/named.pid"; session-keyfile "{directory}/session.key"; lock-file none;
  recursion no; dnssec-validation no; notify no; allow-transfer {{ 127.0.0.0/8; }}; }};
controls {{ }};
"""
_ZONE = 'zone "{origin}" {{ type primary; file "{origin}.zone"; {rule}; }};\n'
_OPEN, _CLOSED, _CHANGING = "allow-query { any; }", "allow-query { none; }", 'allow-update {{ key "{key}"; }}'
_KNOT = """server:
    rundir: "{directory}"
    listen: {address}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{directory}/db"
template:
  - id: default
    storage: "{directory}"
    file: "%s.zone"
zone:
"""


@contextmanager
def bind_serving(
    directory: Path,
    server: RealServer,
    zones: Mapping[str, str],
    *,
    changing: Sequence[str] = (),
    closed: Sequence[str] = (),
    broken: Sequence[str] = (),
) -> Iterator[None]:
    """Run BIND. `changing`: zones that take updates; `closed`: that nobody may ask; `broken`: more, without a file."""
    named = installed("named", "bind9")
    key = {"key": server.tsig_name, "algorithm": server.tsig_algorithm, "secret": server.tsig_secret}
    rules = dict.fromkeys((*zones, *broken), _OPEN) | dict.fromkeys(closed, _CLOSED)
    rules |= dict.fromkeys(changing, _CHANGING.format(**key))
    lines = [_NAMED.format(directory=directory, address=server.address, port=server.port, **key)]
    lines += [_ZONE.format(origin=origin, rule=rule) for origin, rule in rules.items()]
    configuration = _written(directory, zones, "named.conf", "".join(lines))
    waiting = [origin for origin in zones if origin not in closed]
    command = [named, "-g", "-n", "1", "-c", str(configuration)]
    with started(command, directory / "log", lambda: all(map(server.serves, waiting))):
        yield


@contextmanager
def knot_serving(
    directory: Path, server: RealServer, zones: Mapping[str, str], *, broken: Sequence[str]
) -> Iterator[None]:
    """Run Knot. `broken`: more zones, whose file is lost."""
    knotd = installed("knotd", "knot")
    lines = [_KNOT.format(directory=directory, address=server.address, port=server.port)]
    lines += [f"  - domain: {origin}\n" for origin in (*zones, *broken)]
    configuration = _written(directory, zones, "knot.conf", "".join(lines))
    with started([knotd, "-c", str(configuration)], directory / "log", lambda: all(map(server.serves, zones))):
        yield


def _written(directory: Path, zones: Mapping[str, str], name: str, configuration: str) -> Path:
    (directory / "db").mkdir()
    for origin, text in zones.items():
        (directory / f"{origin}.zone").write_text(text)
    path = directory / name
    path.touch(mode=0o600)
    path.write_text(configuration)
    return path
