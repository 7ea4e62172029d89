"""The second view: recursive resolvers are asked after a match, and what they remember is told."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest

from tests.adapters.dns.scripted import Said, Script, Server, resolving, saying, serving, silent
from tests.adapters.dns.test_bounds import DATAGRAM, SOON, filled, long_names
from tests.adapters.dns.world import CODE, FIRST, LOOK, NAME, OLD, PUBLIC, SECOND, missed, unseen, zone
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.adapters.dns.ways import Way, way
from txtproof.core.observations import Match, Sight
from txtproof.core.reasons import Reason

VIEWS = ("127.0.0.21", "127.0.0.22", "127.0.0.23")
SOA = "ns1.example.test. hostmaster.example.test. 1 3600 600 86400 60"


def answering(*values: bytes, ttl: int = 60, flags: int = 0, via: str = "") -> Script:
    """Say what a resolver says that remembers these values."""

    def script(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA | flags
        owner = query.question[0].name
        if via:
            answer.answer.append(dns.rrset.from_text(owner, ttl, "IN", "CNAME", via))
            owner = dns.name.from_text(via)
        answer.answer.append(dns.rrset.from_text(owner, ttl, "IN", "TXT", *(f'"{one.decode()}"' for one in values)))
        return answer

    return script


def denying(ttl: int, rcode: dns.rcode.Rcode = dns.rcode.NXDOMAIN) -> Script:
    """Say what a resolver says that remembers that there is nothing."""

    def script(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        answer.set_rcode(rcode)
        answer.authority.append(dns.rrset.from_text("example.test.", ttl, "IN", "SOA", SOA))
        return answer

    return script


def refusing_signatures(query: dns.message.Message, tcp: bool) -> Said:
    """Say what a validating resolver says of a zone whose signatures do not hold."""
    if query.flags & dns.flags.CD:
        return answering(CODE)(query, tcp)
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.SERVFAIL)
    answer.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.SIGNATURE_EXPIRED, "_a.test, since Monday")])
    return answer


HOLDING = answering(CODE)


@asynccontextmanager
async def looking(
    *views: Script, needed: int = 0, servers: Sequence[Script] = (zone(CODE), zone(CODE))
) -> AsyncIterator[tuple[Sight, list[Server]]]:
    async with (
        serving(dict(zip((FIRST, SECOND), servers, strict=True))) as served,
        serving({"127.0.0.8": resolving(PUBLIC)}) as walked,
        serving(dict(zip(VIEWS, views, strict=False))) as seen,
    ):
        options = LookOptions(
            resolvers=(f"127.0.0.8:{walked['127.0.0.8'].port}",),
            authoritative_port=served[FIRST].port,
            allow_private_servers=True,
            views=tuple(f"{address}:{server.port}" for address, server in seen.items()),
            views_needed=needed,
        )
        async with aclosing(AuthoritativeLookup(options)) as lookup:
            yield await lookup.look(LOOK), list(seen.values())


async def test_a_match_that_all_resolvers_see_stands_with_their_evidence() -> None:
    async with looking(HOLDING, answering(b"v=spf1 -all", CODE, flags=dns.flags.AD)) as (sight, views):
        assert isinstance(sight, Match)
        assert [(one.outcome, one.authenticated) for one in sight.servers[2:]] == [("match", False), ("match", True)]
        assert [one.server for one in sight.servers[2:]] == [f"{one.address}:{one.port}" for one in views]


@pytest.mark.parametrize("servers", [(zone(), zone(CODE)), (zone(CODE), zone()), (silent, silent)])
async def test_no_resolver_is_asked_before_the_authoritative_servers_agree(servers: Sequence[Script]) -> None:
    async with looking(HOLDING, servers=servers) as (sight, views):
        assert not isinstance(sight, Match)
        assert views[0].asked == []


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.NOERROR])
@pytest.mark.parametrize(("ttl", "seconds"), [(17, 17), (900, 60)])
async def test_a_negative_cache_is_waited_out(rcode: dns.rcode.Rcode, ttl: int, seconds: int) -> None:
    async with looking(HOLDING, denying(ttl, rcode)) as (sight, _):
        miss = missed(sight, Reason.NEGATIVE_CACHE)
        assert miss.changes_in == timedelta(seconds=seconds + 1)
        assert miss.detail.endswith(f"remembers that the record is not there, for {seconds} s more")


@pytest.mark.parametrize(("value", "reason"), [(OLD, Reason.OLD_CODE), (b"other", Reason.OTHER_VALUE)])
async def test_what_a_resolver_still_remembers_is_waited_out(value: bytes, reason: Reason) -> None:
    async with looking(answering(value, ttl=33)) as (sight, _):
        assert missed(sight, reason).changes_in == timedelta(seconds=34)


async def test_as_many_resolvers_as_are_needed_must_see_it() -> None:
    async with looking(HOLDING, denying(60), HOLDING, needed=2) as (sight, _):
        assert isinstance(sight, Match)
        assert [one.outcome for one in sight.servers[2:]] == ["match", "negative_cache", "match"]
    async with looking(HOLDING, denying(60), silent, needed=2) as (sight, _):
        missed(sight, Reason.NEGATIVE_CACHE)


@pytest.mark.parametrize("script", [silent, saying(dns.rcode.REFUSED), saying(dns.rcode.SERVFAIL)])
async def test_resolvers_that_say_nothing_leave_the_question_open(script: Script) -> None:
    async with looking(script, HOLDING) as (sight, _):
        unseen(sight, Reason.CANNOT_SEE)


async def test_signatures_that_do_not_hold_are_told_from_a_failure_and_are_never_a_miss() -> None:
    async with looking(refusing_signatures) as (sight, views):
        detail = unseen(sight, Reason.DNSSEC_BOGUS).detail
        assert "does not accept the zone's signatures: signature expired (_a.test, since Monday)" in detail
        assert len(views[0].asked) == 2


async def test_an_alias_is_followed_to_its_end() -> None:
    async with looking(answering(CODE, via="code.provider.test.")) as (sight, _):
        assert isinstance(sight, Match)


async def test_a_value_at_another_name_in_the_answer_does_not_count() -> None:
    def elsewhere(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        answer.answer.append(dns.rrset.from_text(f"other.{NAME}.", 60, "IN", "TXT", f'"{CODE.decode()}"'))
        return answer

    async with looking(elsewhere) as (sight, _):
        missed(sight, Reason.NEGATIVE_CACHE)


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("192.0.2.53:53", Way("udp", "192.0.2.53:53")),
        ("[2001:db8::53]:53", Way("udp", "[2001:db8::53]:53")),
        ("tls://192.0.2.53:853", Way("tls", "192.0.2.53:853")),
        ("tls://192.0.2.53:853#dns.test", Way("tls", "192.0.2.53:853", "dns.test")),
        ("https://dns.test/dns-query", Way("https", "https://dns.test/dns-query")),
    ],
)
def test_a_resolver_is_written_in_one_of_three_ways(given: str, known: Way) -> None:
    assert way(given) == known


@pytest.mark.parametrize(
    "given",
    ["", "192.0.2.53", "dns.test:53", "tls://dns.test:853", "http://dns.test/", "https://a b", "https://u:p@h/"],
)
def test_any_other_way_is_refused_with_what_to_write(given: str) -> None:
    with pytest.raises(ValueError, match=r"write 192\.0\.2\.53"):
        way(given)


async def test_what_a_hostile_zone_has_a_resolver_say_does_not_keep_the_process_busy() -> None:
    begun = time.process_time()
    async with looking(filled(long_names("NS"), DATAGRAM)) as (sight, _):
        unseen(sight, Reason.CANNOT_SEE)
    assert time.process_time() - begun < SOON
