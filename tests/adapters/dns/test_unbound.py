"""Whole runs of looks with a real resolver: it is never asked for the record's name, whatever becomes of the record."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from tests.real_resolver import CHILD, CHILD_ADDRESS, asked
from tests.real_servers import RealServer
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.core.decisions import Look
from txtproof.core.observations import Match, Miss, Sight, Unseen

CODE = b"the-code-of-now"
TEXT = f'"{CODE.decode()}"'
DOMAIN = "example.test"
LOOKS = 3


class Run:
    """One verification, looked at again and again; in the end the resolver's log is counted."""

    def __init__(self, resolver: RealServer, lookup: AuthoritativeLookup) -> None:
        self.resolver = resolver
        self.lookup = lookup
        self.before = len(asked(resolver))

    async def sees(
        self, kind: type[Sight], name: str, domain: str = DOMAIN, zone: str = "", code: bytes = CODE
    ) -> None:
        """Look as often as a run does, with what a row knows and without."""
        for known in ("", zone or domain):
            for _ in range(LOOKS):
                sight = await self.lookup.look(Look(domain, name, code, zone=known))
                assert isinstance(sight, kind), sight

    def questions(self, name: str) -> list[tuple[str, str]]:
        """Return what the resolver was asked for at a name or below it."""
        return [(one, kind) for one, kind in asked(self.resolver) if f".{one}".endswith(f".{name}")]


@pytest.fixture
async def run(knot: RealServer, unbound: RealServer) -> AsyncIterator[Run]:
    """A process that knows nothing yet."""
    options = LookOptions((unbound.server,), knot.port, allow_private_servers=True)
    async with aclosing(AuthoritativeLookup(options)) as lookup:
        run = Run(unbound, lookup)
        yield run
        kinds = {kind for _, kind in asked(unbound)[run.before :]}
        assert {"NS"} <= kinds <= {"NS", "A", "AAAA"}, "it is this resolver that was asked for the zone"


@pytest.fixture
def delegated(knot: RealServer, child: RealServer) -> Iterator[None]:
    """Have example.test delegate `CHILD`, with glue, for as long as the test lasts."""
    assert child.port == knot.port
    knot.put(DOMAIN, f"ns1.{CHILD}", "A", 60, CHILD_ADDRESS)
    knot.put(DOMAIN, CHILD, "NS", 60, f"ns1.{CHILD}.")
    yield
    knot.put(DOMAIN, CHILD, "NS", 60)
    knot.put(DOMAIN, f"ns1.{CHILD}", "A", 60)


async def test_a_record_that_is_missing_is_published_and_is_seen(run: Run, knot: RealServer) -> None:
    name = f"_run.{DOMAIN}"
    await run.sees(Miss, name)
    knot.put(DOMAIN, name, "TXT", 60, '"another"')
    await run.sees(Miss, name)
    knot.put(DOMAIN, name, "TXT", 60, '"another"', TEXT)
    await run.sees(Match, name)
    knot.put(DOMAIN, name, "TXT", 60)
    assert run.questions(name) == []


async def test_an_alias_within_the_zone_and_one_to_another(run: Run, knot: RealServer) -> None:
    name, inner, outer = f"_alias.{DOMAIN}", f"proof._alias.{DOMAIN}", "proof.other.test"
    for zone, target in ((DOMAIN, inner), ("other.test", outer)):
        knot.put(DOMAIN, name, "CNAME", 60, f"{target}.")
        await run.sees(Miss, name)
        knot.put(zone, target, "TXT", 60, TEXT)
        await run.sees(Match, name)
        knot.put(zone, target, "TXT", 60)
    knot.put(DOMAIN, name, "CNAME", 60)
    assert run.questions(name) == []
    assert run.questions(outer) == []


@pytest.mark.usefixtures("delegated")
@pytest.mark.parametrize("domain", [DOMAIN, CHILD])
async def test_a_delegated_child(run: Run, child: RealServer, domain: str) -> None:
    name = f"_run.{CHILD}"
    await run.sees(Miss, name, domain)
    child.put(CHILD, name, "TXT", 60, TEXT)
    await run.sees(Match, name, domain)
    child.put(CHILD, name, "TXT", 60)
    assert run.questions(name) == []


async def test_a_name_that_is_delegated_to_a_server_that_nobody_finds(run: Run) -> None:
    await run.sees(Unseen, f"_run.delegated.{DOMAIN}")
    assert run.questions(f"delegated.{DOMAIN}") == []


async def test_wildcards(run: Run, knot: RealServer) -> None:
    text, alias = f"_run.wild-text.{DOMAIN}", f"_run.wild-alias.{DOMAIN}"
    await run.sees(Miss, text)
    await run.sees(Match, text, code=b"from the wildcard")
    await run.sees(Miss, alias)
    knot.put(DOMAIN, alias, "TXT", 60, TEXT)
    await run.sees(Match, alias)
    knot.put(DOMAIN, alias, "TXT", 60)
    assert run.questions(f"wild-text.{DOMAIN}") == run.questions(f"wild-alias.{DOMAIN}") == []


async def test_a_domain_below_the_zone(run: Run, knot: RealServer) -> None:
    domain = f"a.b.{DOMAIN}"
    name = f"_run.{domain}"
    await run.sees(Miss, name, domain, DOMAIN)
    knot.put(DOMAIN, name, "TXT", 60, TEXT)
    await run.sees(Match, name, domain, DOMAIN)
    knot.put(DOMAIN, name, "TXT", 60)
    assert run.questions(name) == []


async def test_what_one_early_question_would_have_done(run: Run, knot: RealServer) -> None:
    """It is counted, too: the other tests would have seen it."""
    name = f"_early.{DOMAIN}"
    question = dns.message.make_query(name, dns.rdatatype.TXT)
    assert dns.query.udp(question, run.resolver.address, 5, run.resolver.port).rcode() == dns.rcode.NXDOMAIN
    knot.put(DOMAIN, name, "TXT", 60, TEXT)
    denied = dns.query.udp(question, run.resolver.address, 5, run.resolver.port)
    assert denied.rcode() == dns.rcode.NXDOMAIN, "for as long as the SOA says"
    assert run.questions(name) == [(name, "TXT")] * 2
    run.before = len(asked(run.resolver))
    await run.sees(Match, name)
    assert len(run.questions(name)) == 2
    knot.put(DOMAIN, name, "TXT", 60)
