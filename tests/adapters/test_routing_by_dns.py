"""Routes as DNS says them: a real top-level zone, real zones below it, and a real primary that nobody is sent to.

One Knot holds `test` and is the resolver too, another one has what it delegates; BIND is a publisher's own server.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

import dns.message
import dns.rdatatype
import pytest
from pydantic import SecretStr

from tests.adapters.middleman import forwarded, listening
from tests.real_processes import free_port
from tests.real_resolver import asked
from tests.real_servers import ADDRESS, RealServer, running_knot
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.adapters.publishers import apexes
from txtproof.adapters.publishers.manual import ManualPublisher
from txtproof.adapters.publishers.rfc2136.publisher import Rfc2136Options, Rfc2136Publisher
from txtproof.adapters.publishers.routing import MOST_ALIASES, Registration, RoutedPublishing
from txtproof.core.decisions import Look
from txtproof.core.model import Record
from txtproof.core.observations import Blocked, Match, Miss, Published, RouteAnswer, Routed, Unreachable, Withdrawn
from txtproof.core.reasons import Reason

HOSTS = "127.0.0.2"
_SOA = "$TTL 300\n@ IN SOA ns1 hostmaster 1 3600 600 86400 5\n@ IN NS ns1\n"
_TOP = f"""{_SOA}ns1 IN A 127.0.0.1
customer IN NS ns1.customer
ns1.customer IN A {HOSTS}
platform IN NS ns1.platform
ns1.platform IN A {HOSTS}
other IN NS ns1.elsewhere
elsewhere IN NS ns1.elsewhere
ns1.elsewhere IN A {HOSTS}
lame IN NS ns1.lame
ns1.lame IN A {HOSTS}
"""
_HOST = f"{_SOA}ns1 IN A {HOSTS}\n"
_CHAIN = "".join(f"chain{number} IN CNAME chain{number + 1}\n" for number in range(MOST_ALIASES + 1))
ZONES = {
    "customer.test": f"""{_HOST}_verify IN CNAME customer.verify.platform.test.
_lost IN CNAME proof.nowhere.test.
_loop IN CNAME _pool
_pool IN CNAME _loop
_odd IN CNAME evil\\.platform.test.
*.wild IN CNAME www.platform.test.
{_CHAIN}""",
    "platform.test": f"""{_HOST}moved IN NS ns1.moved
ns1.moved IN A 127.0.0.1
_alias IN CNAME proof.elsewhere.test.
*.wild IN CNAME www
""",
    "sub.platform.test": _HOST,
    "elsewhere.test": _HOST,
    "other.test": "$TTL 300\n@ IN SOA ns1.elsewhere.test. hostmaster 1 3600 600 86400 5\n@ IN NS ns1.elsewhere.test.\n"
    '@ IN TXT "of another provider"\n',
}


@dataclass(frozen=True, slots=True)
class Internet:
    """The servers."""

    top: RealServer
    hosts: RealServer


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    with ExitStack() as running:
        zones = {zone: records + '@ 300 IN TXT "v=spf1 -all"\n' for zone, records in ZONES.items()}
        top_zone = {"test": _TOP + '@ 300 IN TXT "of the top"\n'}
        top = running.enter_context(running_knot(top_zone, ADDRESS, free_port(ADDRESS, HOSTS)))
        yield Internet(top, running.enter_context(running_knot(zones, HOSTS, top.port)))


@pytest.fixture
async def lookup(internet: Internet) -> AsyncIterator[AuthoritativeLookup]:
    options = LookOptions((internet.top.server,), internet.top.port, allow_private_servers=True)
    async with aclosing(AuthoritativeLookup(options)) as lookup:
        yield lookup


def writer(server: RealServer, *zones: str, name: str = "corp", checked: bool = True, at: str = "") -> Registration:
    secret = SecretStr(server.tsig_secret)
    publisher = Rfc2136Publisher(Rfc2136Options(name, zones, at or server.server, server.tsig_name, secret))
    return Registration(name, zones, publisher, checked, publisher)


PEOPLE = Registration("people", ("",), ManualPublisher(), checked=False)


@asynccontextmanager
async def routing(lookup: AuthoritativeLookup, *registrations: Registration) -> AsyncIterator[RoutedPublishing]:
    async with aclosing(RoutedPublishing(registrations, lookup.delegations)) as publishing:
        yield publishing


def why(answer: RouteAnswer, reason: Reason) -> str:
    assert isinstance(answer, Blocked), answer
    assert answer.reason is reason
    assert len(answer.detail) <= 200
    return answer.detail


async def test_one_zone_serves_the_domains_of_customers(internet: Internet, lookup: AuthoritativeLookup) -> None:
    name, target = "_verify.customer.test", "customer.verify.platform.test"
    code = f"code-{secrets.token_hex(8)}"
    before = internet.hosts.snapshot("platform.test"), internet.hosts.snapshot("customer.test")
    look = Look("customer.test", name, code.encode())
    async with routing(lookup, writer(internet.hosts, "platform.test"), PEOPLE) as publishing:
        way = await publishing.route(name)
        assert way == Routed("corp", "platform.test", target, "customer.test")
        missed = await lookup.look(look)
        assert isinstance(missed, Miss)
        assert missed.reason is Reason.CNAME, "it leads to a name without the code"
        record = Record(way.publisher, way.zone, way.name, code)
        assert await publishing.publish(record, 60) == Published(changed=True)
        assert isinstance(await lookup.look(look), Match)
        assert await publishing.withdraw(record) == Withdrawn()
    assert (internet.hosts.snapshot("platform.test"), internet.hosts.snapshot("customer.test")) == before


async def test_an_alias_in_a_configured_zone_is_followed_to_another_publisher(
    internet: Internet, lookup: AuthoritativeLookup
) -> None:
    both = writer(internet.hosts, "platform.test"), writer(internet.hosts, "elsewhere.test", name="branch")
    async with routing(lookup, *both) as publishing:
        assert await publishing.route("_alias.platform.test") == Routed(
            "branch", "elsewhere.test", "proof.elsewhere.test", "platform.test"
        )
    async with routing(lookup, both[0]) as publishing:
        assert why(await publishing.route("_alias.platform.test"), Reason.NO_ROUTE) == (
            "no configured zone holds proof.elsewhere.test, which _alias.platform.test is an alias of; "
            "configured: platform.test"
        )


async def test_a_target_that_nobody_writes_is_named(internet: Internet, lookup: AuthoritativeLookup) -> None:
    async with routing(lookup, writer(internet.hosts, "platform.test")) as publishing:
        said = why(await publishing.route("_lost.customer.test"), Reason.NO_ROUTE)
        assert said == (
            "no configured zone holds proof.nowhere.test, which _lost.customer.test is an alias of; "
            "configured: platform.test"
        )
        plain = why(await publishing.route("_none.customer.test"), Reason.NO_ROUTE)
        assert plain == "no configured zone holds _none.customer.test; configured: platform.test"


async def test_aliases_have_an_end(internet: Internet, lookup: AuthoritativeLookup) -> None:
    async with routing(lookup, writer(internet.hosts, "platform.test"), PEOPLE) as publishing:
        circle = why(await publishing.route("_loop.customer.test"), Reason.NAME_IS_CNAME)
        assert circle == "the alias at _loop.customer.test leads in a circle, by _loop.customer.test"
        long = why(await publishing.route("chain0.customer.test"), Reason.NAME_IS_CNAME)
        assert long == f"the alias at chain0.customer.test leads through more than {MOST_ALIASES} others"
        last = f"chain{MOST_ALIASES + 1}.customer.test"
        assert await publishing.route("chain1.customer.test") == Routed("people", "", last, "customer.test")


async def test_a_name_that_is_written_takes_precedence_over_a_wildcards_alias(
    internet: Internet, lookup: AuthoritativeLookup
) -> None:
    async with routing(lookup, writer(internet.hosts, "platform.test")) as publishing:
        own, customers = "_verify.wild.platform.test", "_verify.wild.customer.test"
        assert await publishing.route(own) == Routed("corp", "platform.test", own, "platform.test")
        assert await publishing.route(customers) == Routed(
            "corp", "platform.test", "www.platform.test", "customer.test"
        )
    async with routing(lookup, writer(internet.hosts, "platform.test"), PEOPLE) as publishing:
        assert await publishing.route(customers) == Routed("people", "", customers, "customer.test")


async def test_a_dot_inside_a_label_leads_into_no_zone_of_ours(internet: Internet, lookup: AuthoritativeLookup) -> None:
    async with routing(lookup, writer(internet.hosts, "platform.test")) as publishing:
        assert "evil\\.platform.test" in why(await publishing.route("_odd.customer.test"), Reason.NO_ROUTE)


async def test_a_child_that_was_delegated_away_is_not_written_in_its_parent(
    internet: Internet, lookup: AuthoritativeLookup
) -> None:
    async with routing(lookup, writer(internet.hosts, "platform.test")) as publishing:
        said = why(await publishing.route("_verify.moved.platform.test"), Reason.NOT_DELEGATED)
        assert said == (
            "_verify.moved.platform.test lies in moved.platform.test, which is delegated to ns1.moved.platform.test, "
            "and not in platform.test"
        )
        same = why(await publishing.route("_verify.sub.platform.test"), Reason.NOT_DELEGATED)
        assert same.startswith("_verify.sub.platform.test lies in sub.platform.test, ")


async def test_a_zone_that_is_at_nobody_is_not_written(internet: Internet, lookup: AuthoritativeLookup) -> None:
    async with routing(lookup, writer(internet.hosts, "nowhere.test", "deep.platform.test")) as publishing:
        said = why(await publishing.route("_verify.nowhere.test"), Reason.NOT_DELEGATED)
        assert said == "nowhere.test is not delegated: ns1.test of test know no zone there"
        deep = why(await publishing.route("_verify.deep.platform.test"), Reason.NOT_DELEGATED)
        assert deep.startswith("deep.platform.test is not delegated: ns1.platform.test of platform.test ")


async def test_a_zone_that_is_delegated_to_somebody_else_is_not_written(
    internet: Internet, lookup: AuthoritativeLookup, bind: RealServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = bind.snapshot("other.test")
    async with routing(lookup, writer(bind, "other.test")) as publishing:
        for _ in range(3):
            said = why(await publishing.route("_verify.other.test"), Reason.NOT_DELEGATED)
            assert said == "other.test is delegated to ns1.elsewhere.test, not to ns1.other.test"
    async with routing(lookup, writer(bind, "other.test", checked=False)) as publishing:
        assert await publishing.route("_verify.other.test") == Routed(
            "corp", "other.test", "_verify.other.test", "other.test"
        )
    assert bind.snapshot("other.test") == before
    assert bind.tsig_secret not in caplog.text + repr(publishing.publishers)


async def test_a_primary_that_does_not_say_holds_nothing_up(internet: Internet, lookup: AuthoritativeLookup) -> None:
    wrong = RealServer(1, internet.hosts.tsig_secret, HOSTS)
    async with routing(lookup, writer(wrong, "platform.test")) as publishing:
        name = "_verify.platform.test"
        assert await publishing.route(name) == Routed("corp", "platform.test", name, "platform.test")


async def test_a_primary_is_asked_for_its_name_servers_once_for_all(
    internet: Internet, lookup: AuthoritativeLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[bytes] = []

    async def noted(wire: bytes) -> bytes:
        asked_for.append(wire)
        return await forwarded(wire, internet.hosts.server)

    names = [f"_verify{number}.platform.test" for number in range(20)]
    async with (
        listening(noted) as between,
        routing(lookup, writer(internet.hosts, "platform.test", at=between)) as all_,
    ):
        for _ in range(2):
            answers = await asyncio.gather(*map(all_.route, names))
            assert answers == [Routed("corp", "platform.test", name, "platform.test") for name in names]
            assert len(asked_for) == 1
        monkeypatch.setattr(apexes, "REMEMBERED", 0.0)
        all_._apexes._asked.clear()
        for expected in (2, 3):
            assert await all_.route(names[0]) == Routed("corp", "platform.test", names[0], "platform.test")
            assert len(asked_for) == expected
        assert {dns.message.from_wire(wire, keyring=False).question[0].rdtype for wire in asked_for} == {
            dns.rdatatype.NS
        }


async def test_who_gives_up_takes_the_answer_from_nobody_else(internet: Internet, lookup: AuthoritativeLookup) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def held(wire: bytes) -> bytes:
        begun.set()
        await go.wait()
        return await forwarded(wire, internet.hosts.server)

    async with listening(held) as between, routing(lookup, writer(internet.hosts, "platform.test", at=between)) as all_:
        first, second = (asyncio.create_task(all_.route(f"_v{number}.platform.test")) for number in (1, 2))
        await begun.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        go.set()
        assert await second == Routed("corp", "platform.test", "_v2.platform.test", "platform.test")


async def test_where_dns_cannot_be_seen_it_is_tried_again_but_by_those_who_need_not_look(
    internet: Internet, lookup: AuthoritativeLookup
) -> None:
    name = "_verify.lame.test"
    async with routing(lookup, writer(internet.hosts, "lame.test")) as publishing:
        answer = await publishing.route(name)
        assert isinstance(answer, Unreachable)
        assert answer.reason is Reason.REFUSED
        assert answer.detail == f"ns1.lame.test ({HOSTS}): refused"
    async with routing(lookup, writer(internet.hosts, "platform.test")) as publishing:
        unrouted = await publishing.route(name)
        assert isinstance(unrouted, Unreachable), "it may be an alias of a name that has a route"
    for unchecked in (writer(internet.hosts, "lame.test", checked=False), PEOPLE):
        async with routing(lookup, unchecked) as publishing:
            assert await publishing.route(name) == Routed(unchecked.name, unchecked.zones[0], name)


async def test_a_name_that_is_nowhere_has_no_route_and_a_zone_that_is_nowhere_is_tried_again(
    internet: Internet, lookup: AuthoritativeLookup
) -> None:
    async with routing(lookup, writer(internet.hosts, "nowhere.invalid")) as publishing:
        said = why(await publishing.route("elsewhere.invalid"), Reason.NO_ROUTE)
        assert said == "no configured zone holds elsewhere.invalid; configured: nowhere.invalid"
        answer = await publishing.route("_verify.nowhere.invalid")
        assert answer == Unreachable(Reason.CANNOT_SEE, "no zone was found for nowhere.invalid")


async def test_no_resolver_is_asked_for_the_name_before_it_is_written(knot: RealServer, unbound: RealServer) -> None:
    name, before = "_early.route.example.test", len(asked(unbound))
    options = LookOptions((unbound.server,), knot.port, allow_private_servers=True)
    async with aclosing(AuthoritativeLookup(options)) as lookup:
        async with routing(lookup, writer(knot, "example.test")) as publishing:
            for _ in range(3):
                assert await publishing.route(name) == Routed("corp", "example.test", name, "example.test")
        async with routing(lookup, PEOPLE) as publishing:
            assert await publishing.route(name) == Routed("people", "", name, "example.test")
    questions = asked(unbound)[before:]
    assert ("example.test", "NS") in questions
    assert [one for one in questions if one[0] == name] == []
