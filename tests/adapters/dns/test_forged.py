"""Forged answers: from strangers, with guessed ids, and with the right one. None makes a match or a miss by itself."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

import dns.message
import dns.name
import dns.rdatatype
import pytest

from tests.adapters.dns.forger import STRANGERS, flood, forgeries
from tests.adapters.dns.scripted import Said, Script, Server, authoritative, over, silent
from tests.adapters.dns.world import (
    CODE,
    DOMAIN,
    FIRST,
    NAME,
    OLD,
    PUBLIC,
    SECOND,
    SPARE,
    World,
    missed,
    unseen,
    world,
    zone,
)
from txtproof.core.decisions import Look
from txtproof.core.observations import Match, Miss, Sight, Unseen
from txtproof.core.reasons import Reason

WRONG_IDS = 20

TRUTHS: dict[str, tuple[Script, type[Sight], int]] = {
    "match": (zone(CODE), Match, 20),
    "no such name": (zone(), Miss, 50),
    "other value": (zone(b"v=spf1 -all"), Miss, 50),
    "matching over TCP alone": (over(udp=silent, tcp=zone(CODE)), Match, 2),
    "missing over TCP alone": (over(udp=silent, tcp=zone()), Miss, 2),
    "silent": (silent, Unseen, 1),
}
"""What the servers say, what that makes of a look, and how many are done: waiting for a datagram takes its time."""
truths = pytest.mark.parametrize(("truth", "kind", "looks"), TRUTHS.values(), ids=TRUTHS)

EVIL = authoritative({(NAME, "TXT"): [f'"{CODE.decode()}"'], (DOMAIN, "A"): ["192.0.2.1"]})
"""What the forger would like to have asked: at its own address it serves the code."""
BELIEVING = {
    **PUBLIC,
    ("evil.test", "NS"): ["ns.evil.test."],
    ("ns.evil.test", "A"): [SPARE],
    ("proof.evil.test", "TXT"): [f'"{CODE.decode()}"'],
}


def harass(server: Server, strangers: Sequence[socket.socket]) -> None:
    """Have each datagram to this server answered by forgers first: they know the id, or the address, never both."""

    def beforehand(wire: bytes, asker: tuple[str, int]) -> list[bytes]:
        query = dns.message.from_wire(wire)
        forged = forgeries(query, CODE, OLD, SPARE)
        for stranger in strangers:
            for one in forged:
                stranger.sendto(one, asker)
        ids = [(query.id ^ n).to_bytes(2) for n in range(1, WRONG_IDS)]
        guessed = [one + body[2:] for one in ids for body in forged]
        return [*guessed, *answers_to_others(query), wire, wire[:2], b""]

    server.beforehand = beforehand


def answers_to_others(query: dns.message.Message) -> list[bytes]:
    """Answers with the right id, from the right address, to questions that nobody put."""
    name, found = query.question[0].name, []
    for other, kind in (("_verify.evil.test.", "TXT"), (f"x.{name}", "TXT"), (name.parent(), "TXT"), (name, "A")):
        asked = dns.message.make_query(other, kind, id=query.id)
        # FORMERR and the like may come without a question, and say no more than that something failed
        found += forgeries(asked, CODE, OLD, SPARE)[:-3]
    return found


def bound(address: str, port: int = 0) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, port))
    return one


@asynccontextmanager
async def attacked(truth: Script) -> AsyncIterator[World]:
    """Servers that say the truth, and a server of the forger's that would prove the domain."""
    async with world({FIRST: truth, SECOND: truth, SPARE: EVIL}, BELIEVING, seconds=4) as w:
        yield w
        assert w.servers[SPARE].asked == [], "nobody was led astray"


@truths
async def test_forgers_that_know_the_id_or_the_address_but_not_both_are_not_heard(
    truth: Script, kind: type[Sight], looks: int
) -> None:
    async with attacked(truth) as w:
        port = w.servers[FIRST].port
        with (
            closing(bound(STRANGERS[0])) as one,
            closing(bound(STRANGERS[1], port)) as two,
            closing(bound(FIRST)) as it,
        ):
            for server in (w.servers[FIRST], w.servers[SECOND], w.resolver):
                harass(server, (one, two, it))
            for _ in range(looks):
                sight = await w.look()
                assert isinstance(sight, kind), sight
                if isinstance(sight, Unseen):
                    unseen(sight, Reason.TIMEOUT)


@truths
async def test_a_flood_of_forged_answers_changes_nothing_and_drowns_nothing(
    truth: Script, kind: type[Sight], looks: int
) -> None:
    forged = forgeries(dns.message.make_query(NAME, "TXT", flags=0), CODE, OLD, SPARE)
    async with attacked(truth) as w:
        port = w.servers[FIRST].port
        sources = [(STRANGERS[0], 0), (STRANGERS[1], port), (FIRST, 0)]
        with flood(forged, sources) as forger:
            for _ in range(looks + 1):
                sight = await w.look()
                assert isinstance(sight, kind), sight
                # the ports of the first look are those of the others
                forger.aim(one.source for one in w.servers[FIRST].asked if not one.tcp)
    assert forger.sent > 1_000


async def test_a_flood_at_many_looks_together_makes_no_match_and_no_miss() -> None:
    """They wait on one socket, so that a guessed id is sooner the id of some question."""
    names = [f"_v{n}.{DOMAIN}" for n in range(60)]
    served = {(name, "TXT"): [f'"{CODE.decode()}"'] for name in names[::2]}
    truth = authoritative(served)
    queries = [dns.message.make_query(name, "TXT", flags=0) for name in names]
    forged = [one for query in queries for one in forgeries(query, CODE, OLD, SPARE)]
    async with attacked(truth) as w:
        await w.look()
        with flood(forged, [(STRANGERS[0], 0), (STRANGERS[1], w.servers[FIRST].port), (FIRST, 0)]) as forger:
            forger.aim(one.source for one in w.servers[FIRST].asked if not one.tcp)
            for _ in range(5):
                looks = [Look(DOMAIN, name, CODE, ((1, OLD),)) for name in names]
                for n, sight in enumerate(await asyncio.gather(*map(w.look, looks))):
                    assert isinstance(sight, Miss if n % 2 else Match), sight
                forger.aim(one.source for one in w.servers[FIRST].asked if not one.tcp)
    assert forger.sent > 1_000


# A forger that has guessed everything: what comes by datagram is as good as its own word


def lucky(which: int, truth: Script) -> Script:
    """Say what the forger says over UDP, to the question for the record; over TCP, where it cannot, the truth."""

    def forged(query: dns.message.Message, tcp: bool) -> Said:
        wanted = query.question[0].rdtype == dns.rdatatype.TXT and query.question[0].name == dns.name.from_text(NAME)
        return forgeries(query, CODE, OLD, SPARE)[which] if wanted else truth(query, tcp)

    return over(udp=forged, tcp=truth)


MATCH, ALIAS, REFERRAL, CUT = 1, 4, 5, 6


@pytest.mark.parametrize("which", [MATCH, ALIAS, REFERRAL, CUT], ids=["value", "alias", "referral", "cut short"])
@pytest.mark.parametrize("looks", [1, 2])
async def test_a_forger_that_hits_id_and_port_makes_no_match(which: int, looks: int) -> None:
    """The forger's own servers serve the code, over TCP as well."""
    script = lucky(which, zone())
    async with world({FIRST: zone() if looks > 1 else script, SECOND: zone(), SPARE: evil}, BELIEVING) as w:
        for _ in range(looks):
            sight = await w.look()
            w.servers[FIRST].script = script
        assert not isinstance(sight, Match), sight
        # a server that says one thing over UDP and another over TCP wavers, whoever it was
        missed(sight, Reason.UNSTEADY_ANSWERS if which == MATCH else Reason.NO_SUCH_NAME)


def evil(query: dns.message.Message, tcp: bool) -> Said:
    name = query.question[0].name
    if name.is_subdomain(dns.name.from_text("evil.test")):
        return authoritative({("proof.evil.test", "TXT"): [f'"{CODE.decode()}"']}, "evil.test")(query, tcp)
    return authoritative({(NAME, "TXT"): [f'"{CODE.decode()}"']}, NAME)(query, tcp)


async def test_a_forger_that_hits_id_and_port_delays_a_match_and_no_more() -> None:
    async with world({FIRST: zone(CODE), SECOND: zone(CODE)}) as w:
        w.servers[FIRST].script = lucky(0, zone(CODE))
        missed(await w.look(), Reason.NO_SUCH_NAME)
        w.servers[FIRST].script = zone(CODE)
        assert isinstance(await w.look(), Match)


async def test_a_true_referral_is_confirmed_over_tcp_and_followed() -> None:
    parent = authoritative({(NAME, "NS"): [f"ns.{NAME}."], (f"ns.{NAME}", "A"): [SPARE]})
    async with world({FIRST: parent, SECOND: parent, SPARE: evil}) as w:
        assert isinstance(await w.look(), Match)
        assert [one.tcp for one in w.servers[FIRST].asked if one.kind == "TXT"] == [False, True]
        w.servers[SPARE].script = authoritative({}, NAME)
        missed(await w.look(), Reason.NO_TXT)
        assert [one.tcp for one in w.servers[FIRST].asked if one.kind == "TXT"][2:] == [False], "a miss costs no more"
