"""The real servers, all on one port of different addresses: each runs for the whole session."""

import secrets
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.adapters.dns.world import CODE
from tests.real_nsd import nsd_serving
from tests.real_powerdns import powerdns_serving
from tests.real_processes import free_port
from tests.real_servers import RealServer
from tests.real_unbound import RealResolver, unbound_resolving
from tests.reasons import zones
from tests.reasons.primaries import bind_serving, knot_serving
from tests.reasons.signing import signed
from tests.reasons.zones import (
    BIND,
    CLOSED,
    EXPIRED,
    HOMES,
    KNOT,
    LENT,
    NOBODY,
    NSD,
    POWERDNS,
    QUICK,
    RECORD,
    SIGNED,
    SPOILT,
    STALE,
    UNBOUND,
)

ALL = (BIND, KNOT, POWERDNS, NSD, UNBOUND, NOBODY)
Directories = pytest.TempPathFactory


@pytest.fixture(scope="session")
def port() -> int:
    return free_port(*ALL)


@pytest.fixture(scope="session")
def signed_zones(tmp_path_factory: Directories) -> dict[str, tuple[str, str]]:
    """Zones with their signatures, and the keys to trust them by."""
    directory = tmp_path_factory.mktemp("signed")
    found = {}
    for origin in SIGNED:
        record = RECORD.replace(CODE.decode(), "another") if origin == SPOILT else RECORD
        text, key = signed(directory, origin, zones.lone(origin, BIND, record), expired=origin == EXPIRED)
        found[origin] = text.replace("another", CODE.decode()), key
    return found


@pytest.fixture(scope="session")
def real_bind(
    port: int, signed_zones: dict[str, tuple[str, str]], tmp_path_factory: Directories
) -> Iterator[RealServer]:
    """BIND, which takes updates."""
    server = RealServer(port, b64encode(secrets.token_bytes(32)).decode(), BIND)
    held = dict([zones.mistakes("bind")])
    held[STALE] = zones.lone(STALE, BIND, "@ IN NS ns2", f"ns2 IN A {NSD}")
    held[QUICK] = zones.lone(QUICK, BIND, minimum=3)
    held |= {origin: zones.lone(origin, BIND, RECORD) for origin in (*CLOSED, LENT)}
    held |= {origin: text for origin, (text, _) in signed_zones.items()}
    directory = tmp_path_factory.mktemp("bind")
    rules = {"changing": ["bind.test", QUICK, STALE], "closed": list(CLOSED), "broken": ["broken-bind.test"]}
    with bind_serving(directory, server, held, **rules):
        yield server


@pytest.fixture(scope="session")
def real_knot(port: int, tmp_path_factory: Directories) -> Iterator[RealServer]:
    """Knot DNS."""
    server = RealServer(port, "", KNOT)
    held = dict([zones.mistakes("knot")])
    with knot_serving(tmp_path_factory.mktemp("knot"), server, held, broken=["broken-knot.test"]):
        yield server


@pytest.fixture(scope="session")
def real_powerdns(port: int, tmp_path_factory: Directories) -> Iterator[RealServer]:
    """PowerDNS."""
    server = RealServer(port, "", POWERDNS)
    with powerdns_serving(tmp_path_factory.mktemp("powerdns"), server, dict([zones.mistakes("powerdns")])):
        yield server


@pytest.fixture(scope="session")
def real_nsd(port: int, real_bind: RealServer, tmp_path_factory: Directories) -> Iterator[RealServer]:
    """NSD, primary of `test` and secondary of `stale.test`."""
    server = RealServer(port, "", NSD)
    held, copied, away = {"test": zones.delegations()}, {STALE: real_bind.address}, {"broken-nsd.test": NOBODY}
    with nsd_serving(tmp_path_factory.mktemp("nsd"), server, held, copied, away):
        yield server


@pytest.fixture(scope="session")
def real_unbound(
    port: int,
    real_bind: RealServer,
    real_nsd: RealServer,
    signed_zones: dict[str, tuple[str, str]],
    tmp_path_factory: Directories,
) -> Iterator[RealResolver]:
    """Unbound, which validates what is signed and knows where the zones of the others are."""
    directory = tmp_path_factory.mktemp("unbound")
    resolver = RealResolver(UNBOUND, port, free_port(UNBOUND), free_port(UNBOUND), directory / "authority.pem")
    homes = {f"{home}.test": address for home, address in HOMES.items()}
    homes |= dict.fromkeys((*SIGNED, STALE, QUICK, LENT), BIND) | {"test": NSD}
    known = [record for origin, address in zones.DELEGATED.items() for record in zones.delegation(origin, address)]
    anchors = [key for _, key in signed_zones.values()]
    stubs = {origin: f"{address}@{port}" for origin, address in homes.items()}
    with unbound_resolving(directory, resolver, stubs, known, anchors):
        yield resolver
