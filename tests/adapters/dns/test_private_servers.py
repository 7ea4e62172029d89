"""Hostile zones that name servers in the worker's own network: no packet leaves for any of them."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tests.adapters.dns.scripted import Records, Script, authoritative
from tests.adapters.dns.world import (
    CODE,
    DOMAIN,
    FIRST,
    NAME,
    PUBLIC,
    SECOND,
    THIRD,
    World,
    unseen,
    world,
    zone,
)
from txtproof.adapters.dns import walk
from txtproof.adapters.public_addresses import is_public
from txtproof.core.observations import Match, Miss, Unseen
from txtproof.core.reasons import Reason

SETTING = "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS=true"
PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.0.0.3",
    "169.254.169.254",
    "172.31.255.254",
    "192.168.0.1",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "fe80::1",
    "ff02::fb",
]
each = pytest.mark.parametrize("address", PRIVATE)
each_but_the_first = pytest.mark.parametrize("address", [one for one in PRIVATE if one != FIRST])
"""Where that stands for the internet."""

_watching: list[tuple[set[int], set[str]]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(arguments[1], tuple):
        for ports, seen in _watching:
            if arguments[1][1] in ports:
                seen.add(arguments[1][0])


sys.addaudithook(_hook)


@contextmanager
def watched(w: World) -> Iterator[set[str]]:
    """Note every address at which this process connects or sends to a port that questions go to."""
    watching = {w.resolver.port, *(one.port for one in w.servers.values())}, set[str]()
    _watching.append(watching)
    try:
        yield watching[1]
    finally:
        _watching.remove(watching)


def holding(address: str) -> Mapping[tuple[str, str], list[str]]:
    return {("ns.evil.test", "AAAA" if ":" in address else "A"): [address]}


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two addresses of loopback stand for the internet, since tests go nowhere else."""
    monkeypatch.setattr(walk, "is_public", lambda address: address in (FIRST, SECOND) or is_public(address))


async def refused(servers: Mapping[str, Script], records: Records, address: str) -> None:
    """Look twice; a server at the address itself would serve the code."""
    there = {THIRD: zone(CODE)} if address == THIRD else {}
    async with world({**servers, **there}, records, private=False) as w:
        with watched(w) as seen:
            for _ in range(2):
                sight = unseen(await w.look(), Reason.CANNOT_SEE)
                assert SETTING in sight.detail
        if there:
            assert w.servers[THIRD].asked == []
        # those that stand for the internet, and the resolver, which is configured
        assert seen <= {*servers, w.resolver.address}


@each
async def test_an_address_that_a_resolver_gives(address: str) -> None:
    await refused({SECOND: zone()}, {(DOMAIN, "NS"): ["ns.evil.test."], **holding(address)}, address)


@each
async def test_glue_that_a_resolver_passes_on(address: str) -> None:
    delegated = authoritative({(DOMAIN, "NS"): ["ns.evil.test."], **holding(address)}, "test")
    async with world({SECOND: zone()}, delegated, private=False) as w:
        with watched(w) as seen:
            sight = unseen(await w.look(), Reason.CANNOT_SEE)
        assert SETTING in sight.detail
        assert seen == {w.resolver.address}


@each_but_the_first
@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("inside", [True, False], ids=["glue", "asked for"])
async def test_a_referral(address: str, inside: bool) -> None:
    server = f"ns.{NAME}" if inside else "ns.evil.test"
    kind = "AAAA" if ":" in address else "A"
    parent = authoritative({(NAME, "NS"): [f"{server}."], (server, kind): [address]})
    await refused({FIRST: parent, SECOND: parent}, {**PUBLIC, **holding(address)}, address)


@each_but_the_first
@pytest.mark.usefixtures("public")
async def test_the_zone_that_an_alias_leads_to(address: str) -> None:
    alias = zone(CNAME=["proof.evil.test."])
    records = {**PUBLIC, ("evil.test", "NS"): ["ns.evil.test."], **holding(address)}
    await refused({FIRST: alias, SECOND: alias}, records, address)


@pytest.mark.usefixtures("public")
async def test_among_others_only_the_public_ones_are_asked() -> None:
    names = {f"ns{n}.evil.test": address for n, address in enumerate([*PRIVATE, SECOND])}
    records: dict[tuple[str, str], list[str]] = {(DOMAIN, "NS"): [f"ns{n}.evil.test." for n in (4, 5, 6, len(PRIVATE))]}
    for name, address in names.items():
        records[name, "AAAA" if ":" in address else "A"] = [address]
    async with world({SECOND: zone(CODE), THIRD: zone()}, records, private=False) as w:
        with watched(w) as seen:
            sight = await w.look()
        assert isinstance(sight, Match)
        assert [one.address for one in sight.servers] == [f"{SECOND}:{w.servers[SECOND].port}"]
        assert w.servers[THIRD].asked == []
        assert seen == {SECOND, w.resolver.address}


@pytest.mark.parametrize("address", [FIRST, THIRD, "::1"])
async def test_where_the_setting_allows_it_they_are_asked(address: str) -> None:
    records = {(DOMAIN, "NS"): ["ns.evil.test."], **holding(address)}
    for private, kind in ((True, Miss), (False, Unseen)):
        async with world({address: zone()}, records, private=private) as w:
            with watched(w) as seen:
                assert isinstance(await w.look(), kind)
            assert bool(w.servers[address].asked) is private
            assert (address in seen) is private
