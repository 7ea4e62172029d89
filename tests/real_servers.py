"""Real name servers, each in a directory and on a port of its own: BIND and Knot, as an operator would set them up.

Where one is not installed, its tests are skipped; under TXTPROOF_REQUIRE_SERVERS=1 they fail.
"""

import secrets
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update
import dns.xfr
import dns.zone
import pytest

from tests.real_processes import free_port, installed, started

ADDRESS = "127.0.0.1"
ANSWER_WITHIN = 5.0
"""Seconds."""
KEY = "tsig-test"
ALGORITHM = "hmac-sha256"
KEYS = {KEY: ALGORITHM, f"{KEY}-384": "hmac-sha384", f"{KEY}-512": "hmac-sha512"}
"""Of every server, all with the same secret."""
IDLE_KEY = f"{KEY}-idle"
"""hmac-sha256, with that secret too: known to every server, and may write nothing."""

_HEAD = """$TTL 300
@ IN SOA ns1 hostmaster 1 3600 600 86400 5
@ IN NS ns1
ns1 IN A 127.0.0.1
@ 300 IN TXT "v=spf1 include:_spf.mail.test -all"
"""
_MORE = """sub IN NS ns1.sub
ns1.sub IN A 127.0.0.1
delegated IN NS ns.elsewhere.test.
alias IN CNAME www
www IN A 192.0.2.1
*.wild-text 120 IN TXT "from the wildcard"
*.wild-alias IN CNAME www
"""
ZONES = {"example.test": _HEAD + _MORE, "sub.example.test": _HEAD, "other.test": _HEAD}
"""`sub` is a child zone on the same server, `delegated` one on a server of somebody else."""
GRANTED = "_verify.sub.example.test"
"""The only name in sub.example.test that BIND and Knot let the key write, and TXT only."""

NAMED = """key "{key}" {{ algorithm {algorithm}; secret "{secret}"; }};
key "{key}-384" {{ algorithm hmac-sha384; secret "{secret}"; }};
key "{key}-512" {{ algorithm hmac-sha512; secret "{secret}"; }};
key "{key}-idle" {{ algorithm {algorithm}; secret "{secret}"; }};
options {{ directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  pid-file "{directory}/named.pid"; session-keyfile "{directory}/session.key"; lock-file none;
  recursion no; dnssec-validation no; allow-transfer {{ key "{key}"; }}; notify no; }};
controls {{ }};
zone "example.test" {{ type primary; file "example.test.zone";
  allow-update {{ key "{key}"; key "{key}-384"; key "{key}-512"; }}; }};
zone "other.test" {{ type primary; file "other.test.zone"; allow-update {{ key "{key}"; }}; }};
zone "sub.example.test" {{ type primary; file "sub.example.test.zone";
  update-policy {{ grant {key} name {granted}. TXT; }}; }};
"""
_KNOT = """server:
    rundir: "{directory}/run"
    listen: {address}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{directory}/db"
key:
  - id: {key}
    algorithm: {algorithm}
    secret: {secret}
  - id: {key}-384
    algorithm: hmac-sha384
    secret: {secret}
  - id: {key}-512
    algorithm: hmac-sha512
    secret: {secret}
  - id: {key}-idle
    algorithm: {algorithm}
    secret: {secret}
acl:
  - id: updates
    address: 127.0.0.1
    key: [{key}, {key}-384, {key}-512]
    action: [update, transfer]
  - id: granted
    address: 127.0.0.1
    key: {key}
    action: update
    update-type: TXT
    update-owner: name
    update-owner-match: equal
    update-owner-name: {granted}.
  - id: copies
    address: 127.0.0.1
    key: {key}
    action: transfer
template:
  - id: default
    storage: "{directory}"
    file: "%s.zone"
    zonefile-sync: 0
    journal-content: changes
zone:
"""
_KNOT_ZONE = """  - domain: {zone}
    acl: {acl}
"""
_KNOT_RULES = {"sub.example.test": "[granted, copies]"}


@dataclass(frozen=True, slots=True)
class RealServer:
    """A name server that runs for the whole session: tests use names of their own in it."""

    port: int
    tsig_secret: str = field(repr=False)
    """Base64."""
    address: str = ADDRESS
    tsig_name: str = KEY
    tsig_algorithm: str = ALGORITHM
    log: Path = Path()
    """What it writes about itself."""

    @property
    def server(self) -> str:
        """Return `address:port`."""
        return f"{self.address}:{self.port}"

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return TTL and values of the TXT set at a name, as anybody is served it; no TTL where none stands."""
        return served(self.address, self.port, name)

    def serves(self, zone: str) -> bool:
        """Say whether it answers for a zone."""
        query = dns.message.make_query(zone, dns.rdatatype.SOA)
        answer = dns.query.tcp(query, self.address, ANSWER_WITHIN, self.port)
        return bool(answer.answer) and bool(answer.flags & dns.flags.AA)

    def snapshot(self, zone: str) -> list[tuple[str, str, int, str]]:
        """Return every record of a zone but the SOA, as (name, type, TTL, text), in order (AXFR, RFC 5936)."""
        copy = dns.zone.Zone(zone)
        query, _ = dns.xfr.make_query(copy, serial=None)
        query.use_tsig(self._key())
        dns.query.inbound_xfr(self.address, copy, query, self.port, ANSWER_WITHIN)
        return sorted(
            (name.derelativize(copy.origin or dns.name.root).to_text(), dns.rdatatype.to_text(kind.rdtype), ttl, text)
            for name, kind in copy.iterate_rdatasets()
            for ttl, text in ((kind.ttl, rdata.to_text(copy.origin, relativize=False)) for rdata in kind)
            if kind.rdtype != dns.rdatatype.SOA
        )

    def put(self, zone: str, name: str, kind: str, ttl: int, *values: str) -> None:
        """Set a neighbour's record set, from its text form, whatever stood there; no values: nothing stands there."""
        owner = dns.name.from_text(name)
        update = dns.update.UpdateMessage(zone)
        update.delete(owner, kind)
        for value in values:
            update.add(owner, ttl, kind, value)
        update.use_tsig(self._key())
        answer = dns.query.tcp(update, self.address, ANSWER_WITHIN, self.port)
        assert answer.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(answer.rcode())

    def _key(self) -> dns.tsig.Key:
        return dns.tsig.Key(self.tsig_name, self.tsig_secret, self.tsig_algorithm)


def served(address: str, port: int, name: str) -> tuple[int | None, list[bytes]]:
    """Ask a name server over TCP; return TTL and values of the TXT set at a name, no TTL where none stands."""
    owner = dns.name.from_text(name)
    query = dns.message.make_query(owner, dns.rdatatype.TXT)
    answer = dns.query.tcp(query, address, ANSWER_WITHIN, port)
    found = answer.get_rrset(answer.answer, owner, dns.rdataclass.IN, dns.rdatatype.TXT)
    return (found.ttl, sorted(b"".join(one.strings) for one in found)) if found else (None, [])


@pytest.fixture(scope="session")
def bind() -> Iterator[RealServer]:
    """BIND, primary of `ZONES`."""
    with running(NAMED, named) as server:
        yield server


@pytest.fixture(scope="session")
def knot() -> Iterator[RealServer]:
    """Knot DNS, primary of `ZONES`."""
    with running_knot(ZONES) as server:
        yield server


@contextmanager
def running_knot(zones: Mapping[str, str], address: str = ADDRESS, port: int = 0) -> Iterator[RealServer]:
    """Run a Knot, primary of these zones, for as long as the block lasts."""
    with running(knot_template(zones), knotd, zones, address, port) as server:
        yield server


def named(file: str) -> list[str]:
    """Return what starts BIND with a configuration."""
    return [installed("named", "bind9"), "-g", "-n", "1", "-c", file]


def knotd(file: str) -> list[str]:
    """Return what starts Knot with a configuration."""
    return [installed("knotd", "knot"), "-c", file]


def knot_template(zones: Iterable[str]) -> str:
    """Return the configuration for these zones."""
    return _KNOT + "".join(_KNOT_ZONE.format(zone=zone, acl=_KNOT_RULES.get(zone, "updates")) for zone in zones)


@contextmanager
def running(
    template: str,
    command: Callable[[str], list[str]],
    zones: Mapping[str, str] = ZONES,
    address: str = ADDRESS,
    port: int = 0,
) -> Iterator[RealServer]:
    """Run a server for as long as the block lasts, once it serves every zone; port 0: a free one."""
    with prepared(template, zones, address, port) as (server, file), serving(command(file), server, zones):
        yield server


@contextmanager
def prepared(
    template: str, zones: Mapping[str, str] = ZONES, address: str = ADDRESS, port: int = 0
) -> Iterator[tuple[RealServer, str]]:
    """Write what a server reads; yield it with its configuration's file. It does not run yet."""
    with tempfile.TemporaryDirectory(prefix="txtproof-dns-") as directory:
        secret = b64encode(secrets.token_bytes(32)).decode()
        server = RealServer(port or free_port(address), secret, address, log=Path(directory) / "log")
        yield server, str(_write_files(Path(directory), template, server, zones))


@contextmanager
def serving(command: list[str], server: RealServer, zones: Iterable[str] = ZONES) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server that is prepared, once it serves every zone."""
    waiting = list(zones)
    with started(command, server.log, lambda: _all_served(server, waiting)) as process:
        yield process


def _write_files(directory: Path, template: str, server: RealServer, zones: Mapping[str, str]) -> Path:
    for inner in ("run", "db"):
        (directory / inner).mkdir()
    for origin, records in zones.items():
        (directory / f"{origin}.zone").write_text(f"$ORIGIN {origin}.\n{records}")
    configuration = directory / "server.conf"
    configuration.touch(mode=0o600)
    words = {"key": server.tsig_name, "algorithm": server.tsig_algorithm, "secret": server.tsig_secret}
    place = {"directory": directory, "address": server.address, "port": server.port}
    configuration.write_text(template.format(granted=GRANTED, **place, **words))
    return configuration


def _all_served(server: RealServer, waiting: list[str]) -> bool:
    while waiting and server.values(waiting[-1])[0] is not None:
        waiting.pop()
    return not waiting
