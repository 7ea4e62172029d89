"""Looks at scripted name servers: what is asked, of whom, and what follows from what they say."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from tests.adapters.dns.scripted import (
    SOA,
    Records,
    Said,
    Script,
    authoritative,
    for_kind,
    over,
    resolving,
    saying,
    serving,
    silent,
    without_aa,
)
from tests.adapters.dns.world import (
    CODE,
    DOMAIN,
    FIRST,
    LOOK,
    NAME,
    OLD,
    PUBLIC,
    RESOLVER,
    SECOND,
    SPARE,
    THIRD,
    missed,
    unseen,
    world,
    zone,
)
from tests.real_servers import RealServer
from txtproof.adapters.dns import look, reading, short_path
from txtproof.adapters.dns.exchange import UDP_WITHIN, Exchange
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.core.decisions import Look
from txtproof.core.observations import Match, Miss, Unseen
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

# The verdict, over the wire


async def test_on_a_match_every_address_is_asked_over_tcp_with_its_soa() -> None:
    async with world({FIRST: zone(CODE, serial=4), SECOND: zone(b"spf", CODE, serial=4)}) as w:
        sight = await w.look()
        port = w.servers[FIRST].port
    assert isinstance(sight, Match)
    assert [(one.server, one.address, one.outcome, one.serial, one.values) for one in sight.servers] == [
        ("ns1.example.test", f"{FIRST}:{port}", "match", 4, 1),
        ("ns2.example.test", f"{SECOND}:{port}", "match", 4, 2),
    ]
    assert all(one.authoritative and one.rcode == "NOERROR" for one in sight.servers)
    for server in w.servers.values():
        assert {(one.kind, one.name) for one in server.asked if one.tcp} == {("TXT", NAME), ("SOA", NAME)}


async def test_both_questions_to_an_address_travel_by_one_connection() -> None:
    async with world({FIRST: zone(CODE), SECOND: zone(CODE)}) as w:
        assert isinstance(await w.look(), Match)
    for server in w.servers.values():
        assert len({one.source for one in server.asked if one.tcp}) == 1


async def test_a_server_that_hangs_up_after_each_answer_is_asked_twice() -> None:
    async with world({FIRST: zone(CODE, serial=4)}) as w:
        w.servers[FIRST].answers = 1
        sight = await w.look()
    assert isinstance(sight, Match)
    assert [one.serial for one in sight.servers if one.outcome == "match"] == [4]


async def test_a_server_that_answers_one_question_of_a_connection_is_asked_twice() -> None:
    answered: set[int] = set()

    def first_only(query: dns.message.Message, tcp: bool) -> Said:
        source = w.servers[FIRST].asked[-1].source
        if tcp and source in answered:
            return None
        answered.add(source)
        return zone(CODE, serial=4)(query, tcp)

    async with world({FIRST: first_only}) as w:
        sight = await w.look()
    assert isinstance(sight, Match)
    assert [one.serial for one in sight.servers if one.outcome == "match"] == [4]


async def test_a_server_that_shuns_edns_over_tcp_is_asked_without() -> None:
    def old(query: dns.message.Message, tcp: bool) -> Said:
        return saying(dns.rcode.FORMERR)(query, tcp) if query.edns >= 0 else zone(CODE, serial=4)(query, tcp)

    async with world({FIRST: old}) as w:
        sight = await w.look()
    assert isinstance(sight, Match)
    assert [one.serial for one in sight.servers if one.outcome == "match"] == [4]


async def test_a_miss_costs_one_question_to_one_server() -> None:
    async with world({FIRST: zone(), SECOND: zone(CODE)}) as w:
        missed(await w.look(), Reason.NO_SUCH_NAME)
        assert [(one.kind, one.tcp) for one in w.servers[FIRST].asked] == [("TXT", False)]
        assert w.servers[SECOND].asked == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (zone(), Reason.NO_SUCH_NAME),
        (zone(A=["192.0.2.1"]), Reason.NO_TXT),
        (zone(b"v=spf1 -all"), Reason.OTHER_VALUE),
        (zone(OLD), Reason.OLD_CODE),
        (zone(b"v=spf1 -all", OLD), Reason.OLD_CODE),
        (zone(CODE.upper()), Reason.ALTERED_VALUE),
    ],
)
async def test_what_one_server_lacks_is_missing(script: Script, reason: Reason) -> None:
    async with world({FIRST: script, SECOND: zone(CODE)}) as w:
        sight = missed(await w.look(), reason)
    assert [(one.server, one.outcome) for one in sight.servers] == [("ns1.example.test", reason.value)]
    assert sight.changes_in is None


async def test_a_second_server_that_lags_is_stale_and_named_with_both_serials() -> None:
    async with world({FIRST: zone(CODE, serial=9), SECOND: zone(OLD, serial=8)}) as w:
        sight = missed(await w.look(), Reason.STALE_SERVER)
    assert "ns2.example.test" in sight.detail
    assert "(serial 8); the newest serial is 9" in sight.detail
    assert [(one.outcome, one.serial) for one in sight.servers] == [("match", 9), ("old_code", 8)]


async def test_a_server_that_is_down_is_reported_and_holds_nothing_up() -> None:
    public = {**PUBLIC, (DOMAIN, "NS"): ["ns1.example.test.", "ns3.example.test."], ("ns3.example.test", "A"): [THIRD]}
    async with world({FIRST: zone(CODE)}, public) as w:
        sight = await w.look()
    assert isinstance(sight, Match)
    assert [(one.server, one.outcome) for one in sight.servers] == [
        ("ns1.example.test", "match"),
        ("ns3.example.test", "timeout"),
    ]


async def test_when_the_first_server_is_down_the_next_is_asked() -> None:
    public = {**PUBLIC, ("ns1.example.test", "A"): [THIRD]}
    async with world({SECOND: zone(CODE)}, public) as w:
        sight = await w.look()
    assert isinstance(sight, Match)
    assert [one.outcome for one in sight.servers] == ["timeout", "match"]


async def test_servers_that_are_silent_do_not_use_up_the_time_of_those_that_answer() -> None:
    silence = {f"127.0.1.{n}": silent for n in range(1, 5)}
    public = {
        **PUBLIC,
        (DOMAIN, "NS"): ["a.example.test.", "b.example.test."],
        ("a.example.test", "A"): list(silence),
        ("b.example.test", "A"): [FIRST],
    }
    async with world({FIRST: zone(CODE), **silence}, public) as w:
        begun = time.monotonic()
        sight = await w.look()
        assert time.monotonic() - begun < 9
        first_look = len(w.asked("127.0.1.1"))
        await w.look()
    assert isinstance(sight, Match)
    assert sorted(one.outcome for one in sight.servers) == ["match", *["timeout"] * 4]
    # by its second look it knows who answers: the silent ones are only asked in the full round, and briefly
    assert [one.tcp for one in w.servers["127.0.1.1"].asked if one.kind == "TXT"][first_look:] == [True]


async def test_the_server_that_answered_last_is_asked_first() -> None:
    async with world({FIRST: saying(dns.rcode.REFUSED), SECOND: zone()}) as w:
        for _ in range(3):
            missed(await w.look(), Reason.NO_SUCH_NAME)
        assert (len(w.asked(FIRST)), len(w.asked(SECOND))) == (1, 3)


async def test_a_value_of_several_strings_is_compared_joined() -> None:
    long = b"x" * 255 + b"y" * 255 + b"z"
    strings = " ".join(f'"{part.decode()}"' for part in (long[:255], long[255:510], long[510:]))
    script = zone(TXT=[strings, '"v=spf1 -all"'])
    async with world({FIRST: script, SECOND: script}) as w:
        assert isinstance(await w.look(Look(DOMAIN, NAME, long)), Match)
        missed(await w.look(Look(DOMAIN, NAME, long[:255])), Reason.OTHER_VALUE)


@pytest.mark.parametrize(
    "broken",
    [
        saying(dns.rcode.SERVFAIL),
        saying(dns.rcode.REFUSED),
        saying(dns.rcode.NOTAUTH),
        saying(dns.rcode.NOERROR),
        saying(dns.rcode.NXDOMAIN),
        without_aa(zone()),
        without_aa(zone(CODE)),
        without_aa(zone(OLD)),
        without_aa(zone(CNAME=["proof.provider.test."])),
        lambda query, _: query.id.to_bytes(2, "big") + b"\x84" + b"\xff" * 300,
    ],
    ids=["SERVFAIL", "REFUSED", "NOTAUTH", "bare", "NXDOMAIN", "no AA", "match", "old code", "alias", "garbage"],
)
async def test_a_server_that_does_not_speak_for_the_zone_never_makes_a_miss(broken: Script) -> None:
    async with world({FIRST: broken, SECOND: broken}) as w:
        sight = await w.look()
    assert isinstance(sight, Unseen)
    assert len(sight.servers) == 2


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (saying(dns.rcode.SERVFAIL), Reason.SERVFAIL),
        (saying(dns.rcode.REFUSED), Reason.REFUSED),
        (without_aa(zone(CODE)), Reason.LAME),
        (silent, Reason.TIMEOUT),
    ],
)
async def test_a_failure_to_see_has_a_reason(broken: Script, reason: Reason) -> None:
    async with world({FIRST: broken, SECOND: broken}) as w:
        sight = unseen(await w.look(), reason)
    assert "ns1.example.test" in sight.detail


def upwards(query: dns.message.Message, tcp: bool) -> Said:
    answer = dns.message.make_response(query)
    answer.authority.append(dns.rrset.from_text(".", 60, "IN", "NS", "a.root-servers.net."))
    return answer


def sideways(query: dns.message.Message, tcp: bool) -> Said:
    answer = dns.message.make_response(query)
    answer.authority.append(dns.rrset.from_text(f"{DOMAIN}.", 60, "IN", "NS", "ns2.example.test."))
    return answer


@pytest.mark.parametrize("lame", [upwards, sideways, without_aa(zone(CODE)), saying(dns.rcode.SERVFAIL)])
async def test_a_lame_server_does_not_keep_the_next_from_being_asked(lame: Script) -> None:
    async with world({FIRST: lame, SECOND: zone(CODE)}) as w:
        sight = await w.look()
    assert isinstance(sight, Match)
    assert sight.servers[1].outcome == "match"


async def test_a_server_that_fails_for_the_record_only_leaves_the_question_open() -> None:
    half = for_kind("TXT", saying(dns.rcode.SERVFAIL), zone(CODE))
    async with world({FIRST: zone(CODE), SECOND: half}) as w:
        sight = unseen(await w.look(), Reason.SERVFAIL)
    assert [one.outcome for one in sight.servers] == ["match", "servfail"]


async def test_servers_that_answer_over_udp_alone_are_not_seen() -> None:
    deaf = over(udp=zone(CODE), tcp=silent)
    async with world({FIRST: deaf, SECOND: deaf}) as w:
        unseen(await w.look(), Reason.TIMEOUT)


async def test_a_look_ends_in_time_whatever_the_servers_do() -> None:
    async with world({FIRST: silent, SECOND: silent}, seconds=0.3) as w:
        begun = time.monotonic()
        sight = unseen(await w.look(), Reason.TIMEOUT)
        assert time.monotonic() - begun < 3
    assert DOMAIN in sight.detail


async def test_a_huge_answer_is_read() -> None:
    values = [f"{n:05}{'x' * 240}".encode() for n in range(230)]

    def cut_short(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.TC
        return answer

    script = over(udp=cut_short, tcp=zone(*values, CODE))
    async with world({FIRST: script, SECOND: script}) as w:
        sight = await w.look()
    assert isinstance(sight, Match)
    assert sight.servers[0].values == 231


async def test_no_value_is_in_what_a_look_brings() -> None:
    async with world({FIRST: zone(CODE, b"somebody-elses"), SECOND: zone(OLD)}) as w:
        told = repr(await w.look()) + repr(await w.look(Look(DOMAIN, NAME, b"another", ((0, OLD),))))
    assert not any(secret in told for secret in (CODE.decode(), OLD.decode(), "somebody-elses"))


async def test_both_address_families_of_a_server_are_asked() -> None:
    public = {**PUBLIC, (DOMAIN, "NS"): ["ns1.example.test."], ("ns1.example.test", "AAAA"): ["::1"]}
    async with world({FIRST: zone(CODE), "::1": zone(OLD)}, public) as w:
        sight = missed(await w.look(), Reason.STALE_SERVER)
        port = w.servers[FIRST].port
    assert [one.address for one in sight.servers] == [f"{FIRST}:{port}", f"[::1]:{port}"]


async def test_one_address_under_two_names_is_asked_once() -> None:
    public = {**PUBLIC, ("ns2.example.test", "A"): [FIRST]}
    async with world({FIRST: zone(CODE)}, public) as w:
        sight = await w.look()
    assert len(sight.servers) == 1


async def test_many_looks_at_once_do_not_disturb_each_other() -> None:
    async with world({FIRST: zone(CODE), SECOND: zone(CODE)}) as w:
        looks = [LOOK, Look(DOMAIN, NAME, b"another")] * 25
        sights = await asyncio.gather(*map(w.look, looks))
    assert [type(sight) for sight in sights] == [Match, Miss] * 25


# What a resolver is asked


RECORDS_BELOW = [
    LOOK,
    Look(DOMAIN, "a.b._verify.example.test", CODE),
    Look(DOMAIN, DOMAIN, CODE),
    replace(LOOK, zone=DOMAIN),
    replace(LOOK, zone=NAME),
    replace(LOOK, zone="test"),
]


@pytest.mark.parametrize("look", RECORDS_BELOW, ids=lambda look: f"{look.name} in {look.zone}")
@pytest.mark.parametrize(
    "script",
    [
        zone(CODE),
        zone(),
        zone(CNAME=["x.y._verify.example.test."]),
        zone(CNAME=["proof.provider.test."]),
        saying(dns.rcode.SERVFAIL),
        authoritative({(NAME, "NS"): [f"ns.{NAME}."], (f"ns.{NAME}", "A"): [THIRD]}),
    ],
    ids=["match", "miss", "alias below itself", "alias elsewhere", "SERVFAIL", "delegated"],
)
async def test_a_resolver_never_hears_of_the_record(script: Script, look: Look) -> None:
    async with world({FIRST: script, SECOND: script, THIRD: zone(CODE)}) as w:
        for _ in range(2):
            await w.look(look)
        assert w.asked(FIRST)
        assert {one.kind for one in w.resolver.asked} <= {"NS", "A", "AAAA"}
        below = [one.name for one in w.resolver.asked if one.name.endswith(f"_verify.{DOMAIN}")]
    assert below == []
    assert all(one.recursion for one in w.resolver.asked)


async def test_what_a_resolver_said_is_not_asked_again() -> None:
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        for _ in range(3):
            await w.look()
        await w.look(Look(DOMAIN, f"other.{DOMAIN}", CODE))
        asked = sorted((one.kind, one.name) for one in w.resolver.asked)
    assert asked == [
        *[("A", f"ns{n}.example.test") for n in (1, 2)],
        *[("AAAA", f"ns{n}.example.test") for n in (1, 2)],
        ("NS", DOMAIN),
    ]


async def test_when_no_server_could_be_seen_the_zone_is_looked_for_anew() -> None:
    async with world({FIRST: saying(dns.rcode.REFUSED), SECOND: saying(dns.rcode.REFUSED)}) as w:
        for _ in range(2):
            unseen(await w.look(), Reason.REFUSED)
        assert w.resolver.questions("NS") == [DOMAIN, DOMAIN]


async def test_a_name_without_a_zone_of_its_own_lies_in_the_zone_above() -> None:
    deep = Look("a.b.example.test", "_verify.a.b.example.test", CODE)
    script = authoritative({(deep.name, "TXT"): [f'"{CODE.decode()}"']})
    async with world({FIRST: script, SECOND: script}) as w:
        assert isinstance(await w.look(deep), Match)
        assert w.resolver.questions("NS") == ["a.b.example.test", "b.example.test", "example.test"]


def of_a_zone(origin: str) -> Script:
    """Resolve like a resolver that puts the zone's SOA beside what is not there, as most do."""
    knows, soa = resolving(PUBLIC), dns.rrset.from_text(f"{origin}.", 60, "IN", "SOA", SOA.format(serial=1))

    def script(query: dns.message.Message, tcp: bool) -> Said:
        answer = knows(query, tcp)
        assert isinstance(answer, dns.message.Message)
        if not answer.answer:
            answer.authority.append(soa)
        return answer

    return script


async def test_where_a_resolver_says_which_zone_lacks_the_name_nothing_in_between_is_asked_for() -> None:
    async with world({FIRST: zone(), SECOND: zone()}, of_a_zone(DOMAIN)) as w:
        await w.look(Look(f"a.b.{DOMAIN}", f"_verify.a.b.{DOMAIN}", CODE))
        assert w.resolver.questions("NS") == [f"a.b.{DOMAIN}", DOMAIN]
        await w.look(Look(f"c.d.{DOMAIN}", f"_verify.c.d.{DOMAIN}", CODE))
        assert w.resolver.questions("NS")[2:] == [f"c.d.{DOMAIN}"], "that zone is known"


@pytest.mark.parametrize("origin", ["elsewhere.test", f"deeper.a.b.{DOMAIN}", f"a.b.{DOMAIN}"])
async def test_a_zone_that_cannot_lack_the_name_is_not_believed(origin: str) -> None:
    async with world({FIRST: zone(), SECOND: zone()}, of_a_zone(origin)) as w:
        await w.look(Look(f"a.b.{DOMAIN}", f"_verify.a.b.{DOMAIN}", CODE))
        assert w.resolver.questions("NS") == [f"a.b.{DOMAIN}", f"b.{DOMAIN}", DOMAIN]


CHILD = "sub.example.test"
CHILD_LOOK = Look(CHILD, f"_verify.{CHILD}", CODE)
PARENT = authoritative({(CHILD, "NS"): [f"ns.{CHILD}."], (f"ns.{CHILD}", "A"): [THIRD]})
CHILD_ZONE = authoritative({(CHILD_LOOK.name, "TXT"): [f'"{CODE.decode()}"']}, CHILD)


@pytest.mark.parametrize("failure", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
async def test_where_the_resolver_fails_for_the_domain_the_zone_above_sends_on(failure: dns.rcode.Rcode) -> None:
    knows = resolving(PUBLIC)

    def script(query: dns.message.Message, tcp: bool) -> Said:
        failing = query.question[0].name == dns.name.from_text(CHILD)
        return (saying(failure) if failing else knows)(query, tcp)

    async with world({FIRST: PARENT, SECOND: PARENT, THIRD: CHILD_ZONE}, script) as w:
        sight = await w.look(CHILD_LOOK)
    assert isinstance(sight, Match)
    assert [one.server for one in sight.servers] == [f"ns.{CHILD}"]


async def test_a_delegated_child_is_followed_by_its_glue() -> None:
    async with world({FIRST: PARENT, SECOND: PARENT, THIRD: CHILD_ZONE}) as w:
        sight = await w.look(Look(DOMAIN, CHILD_LOOK.name, CODE))
        assert w.resolver.questions("A") == ["ns1.example.test", "ns2.example.test"]
    assert isinstance(sight, Match)
    assert [one.server for one in sight.servers] == [f"ns.{CHILD}"]


async def test_a_resolver_from_before_edns_is_asked_without() -> None:
    knowing = resolving(PUBLIC)

    def old(query: dns.message.Message, tcp: bool) -> Said:
        return knowing(query, tcp) if query.edns < 0 else saying(dns.rcode.FORMERR)(query, tcp)

    async with world({FIRST: zone(CODE), SECOND: zone(CODE)}, old) as w:
        assert isinstance(await w.look(), Match)


async def test_glue_beside_a_resolver_s_answer_serves_where_it_knows_no_address() -> None:
    bare = resolving({(DOMAIN, "NS"): ["ns1.example.test."]})

    def glued(query: dns.message.Message, tcp: bool) -> Said:
        answer = bare(query, tcp)
        if isinstance(answer, dns.message.Message) and answer.answer:
            answer.additional.append(dns.rrset.from_text("ns1.example.test.", 60, "IN", "A", FIRST))
        return answer

    async with world({FIRST: zone(CODE)}, glued) as w:
        assert isinstance(await w.look(), Match)


async def test_glue_for_what_is_not_the_zones_own_is_not_believed() -> None:
    def forged(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        answer.authority.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "NS", "ns.provider.test."))
        answer.additional.append(dns.rrset.from_text("ns.provider.test.", 60, "IN", "A", SPARE))
        return answer

    child = authoritative({(NAME, "TXT"): [f'"{CODE.decode()}"']}, NAME)
    async with world({FIRST: forged, SECOND: forged, THIRD: child, SPARE: child}) as w:
        assert isinstance(await w.look(), Match)
        assert w.servers[SPARE].asked == []
        assert w.asked(THIRD)


async def test_delegations_without_end_come_to_an_end() -> None:
    deep = Look(DOMAIN, ".".join([*(f"l{n}" for n in range(20)), DOMAIN]), CODE)
    depth = 0

    def deeper(query: dns.message.Message, tcp: bool) -> Said:
        nonlocal depth
        depth += 1
        answer = dns.message.make_response(query)
        cut = dns.name.Name(query.question[0].name.labels[-(depth + 3) :])
        answer.authority.append(dns.rrset.from_text(cut, 60, "IN", "NS", "ns1.example.test."))
        answer.additional.append(dns.rrset.from_text("ns1.example.test.", 60, "IN", "A", FIRST))
        return answer

    async with world({FIRST: deeper, SECOND: deeper}) as w:
        unseen(await w.look(deep), Reason.LAME)
        assert len(w.asked(FIRST)) == 8


# Resolvers


async def test_a_resolver_that_is_an_authoritative_server_itself_will_do() -> None:
    """As in worlds on loopback: no RA, and name servers in the authority section where it is the parent."""
    apex = authoritative({key: texts for key, texts in PUBLIC.items() if key[0].endswith(DOMAIN)})
    both = over(udp=apex, tcp=apex)

    def as_server(query: dns.message.Message, tcp: bool) -> Said:
        return (zone(CODE) if query.question[0].rdtype in (dns.rdatatype.TXT, dns.rdatatype.SOA) else both)(query, tcp)

    async with world({FIRST: as_server, SECOND: as_server}, as_server) as w:
        assert isinstance(await w.look(), Match)
    async with world({FIRST: zone(), THIRD: CHILD_ZONE}, PARENT) as w:
        assert isinstance(await w.look(CHILD_LOOK), Match)


@pytest.mark.parametrize("first", [silent, saying(dns.rcode.SERVFAIL), saying(dns.rcode.REFUSED), None])
async def test_a_resolver_that_is_of_no_use_is_followed_by_the_next_which_is_then_preferred(
    first: Script | None,
) -> None:
    async with (
        serving({FIRST: zone(CODE), SECOND: zone(CODE)}) as served,
        serving({SPARE: first or silent}) as useless,
        serving({RESOLVER: resolving(PUBLIC)}) as useful,
    ):
        broken, port = useless[SPARE], served[FIRST].port
        given = (f"{SPARE}:{broken.port if first else 1}", f"{RESOLVER}:{useful[RESOLVER].port}")
        async with aclosing(AuthoritativeLookup(LookOptions(given, port, allow_private_servers=True))) as lookup:
            assert isinstance(await lookup.look(LOOK), Match)
            before = len(broken.asked)
            assert isinstance(await lookup.look(Look("www.example.test", NAME, CODE)), Match)
    assert len(broken.asked) == before


async def test_resolvers_that_say_nothing_are_a_failure_to_see() -> None:
    async with world({FIRST: zone(CODE)}, silent) as w:
        sight = unseen(await w.look(), Reason.CANNOT_SEE)
    assert sight.detail == "no resolver answers"


@pytest.mark.parametrize("answer", [resolving({}), saying(dns.rcode.SERVFAIL), saying(dns.rcode.REFUSED)])
async def test_a_domain_without_a_zone_is_a_failure_to_see(answer: Script) -> None:
    async with world({FIRST: zone(CODE)}, answer) as w:
        sight = unseen(await w.look(), Reason.CANNOT_SEE)
        assert w.resolver.questions("NS") == [DOMAIN, "test"]
        unseen(await w.look(), Reason.CANNOT_SEE)
        assert len(w.resolver.asked) == 2, "a failure is remembered for a moment"
    assert DOMAIN in sight.detail


async def test_name_servers_without_an_address_are_a_failure_to_see() -> None:
    async with world({FIRST: zone(CODE)}, {(DOMAIN, "NS"): ["ns1.example.test."]}) as w:
        assert "have no address" in unseen(await w.look(), Reason.CANNOT_SEE).detail


async def test_half_of_the_addresses_is_not_remembered_as_all() -> None:
    no_v6 = for_kind("AAAA", saying(dns.rcode.SERVFAIL), resolving(PUBLIC))
    async with world({FIRST: zone(CODE), SECOND: zone(CODE)}, no_v6) as w:
        assert isinstance(await w.look(), Match)
        cached = w.lookup._walk._resolvers._addresses
        assert all(entry.until - time.monotonic() < 2 for entry in cached._entries.values())


PROVIDER = authoritative({("proof.provider.test", "TXT"): [f'"{CODE.decode()}"']}, "provider.test")
TO_PROVIDER = zone(CNAME=["proof.provider.test."])


# A glance: the zone is known, and one datagram tells


ELSEWHERE = authoritative({("elsewhere.test", "TXT"): ['"x"']}, "elsewhere.test")


def before_edns(query: dns.message.Message, tcp: bool) -> Said:
    if query.edns < 0:
        return zone(OLD)(query, tcp)
    return query.id.to_bytes(2, "big") + b"\x80\x01" + bytes(8)


def with_name_servers(query: dns.message.Message, tcp: bool) -> Said:
    answer = zone(b"v=spf1 -all")(query, tcp)
    assert isinstance(answer, dns.message.Message)
    answer.authority.append(dns.rrset.from_text(f"{DOMAIN}.", 60, "IN", "NS", "ns1.example.test."))
    return answer


SCRIPTS = {
    "no such name": zone(serial=5),
    "no TXT": zone(A=["192.0.2.1"], serial=5),
    "other value": zone(b"v=spf1 -all", b"", b"x" * 255),
    "old code": zone(b"v=spf1 -all", OLD),
    "match": zone(CODE, serial=5),
    "with name servers": with_name_servers,
    "alias": zone(CNAME=["proof.provider.test."]),
    "delegated": authoritative({(NAME, "NS"): [f"ns.{NAME}."], (f"ns.{NAME}", "A"): [THIRD]}),
    "no AA": without_aa(zone(OLD)),
    "from before EDNS": before_edns,
    "cut short": over(
        udp=lambda query, _: query.id.to_bytes(2, "big") + b"\x86\0" + query.to_wire()[4:], tcp=zone(OLD)
    ),
    **{code: saying(dns.rcode.from_text(code)) for code in ("SERVFAIL", "REFUSED", "NOTAUTH", "NXDOMAIN")},
    "of another zone": ELSEWHERE,
}


async def second_look(script: Script) -> str:
    """What a look brings, after one that has found the zone, but for times and the port."""
    async with world({FIRST: zone(), SECOND: zone(CODE), THIRD: PROVIDER}) as w:
        missed(await w.look(), Reason.NO_SUCH_NAME)
        w.servers[FIRST].script = script
        sight = await w.look()
    views = tuple(replace(one, took_ms=0) for one in sight.servers)
    return repr(replace(sight, zone=None, servers=views)).replace(str(w.servers[FIRST].port), "port")


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_a_glance_says_what_the_long_way_says(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    glanced = await second_look(script)
    monkeypatch.setattr(look, "question_for", lambda *_: None)
    monkeypatch.setattr(short_path, "read", lambda *_: None)
    assert await second_look(script) == glanced


async def test_a_miss_has_the_serial_of_the_zone_in_its_evidence() -> None:
    async with world({FIRST: zone(serial=2024), SECOND: zone()}) as w:
        for _ in range(2):
            sight = missed(await w.look(), Reason.NO_SUCH_NAME)
            assert [(one.serial, one.rcode, one.authoritative) for one in sight.servers] == [(2024, "NXDOMAIN", True)]


async def test_looks_at_a_known_zone_share_a_socket() -> None:
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        await w.look()
        await asyncio.gather(*(w.look() for _ in range(50)))
        asked = w.servers[FIRST].asked
    assert len(asked) == 51
    assert len({one.source for one in asked}) == 1
    assert len({one.id for one in asked}) > 1
    assert {(one.kind, one.name, one.edns, one.payload, one.recursion) for one in asked} == {
        ("TXT", NAME, 0, 1232, False)
    }


async def test_where_the_known_server_falls_silent_the_next_is_asked_beside_it() -> None:
    async with world({FIRST: zone(), SECOND: zone(OLD)}) as w:
        await w.look()
        w.servers[FIRST].script = silent
        begun = time.monotonic()
        missed(await w.look(), Reason.OLD_CODE)
        assert time.monotonic() - begun < 0.95, "it has had its head start"
        assert [one.tcp for one in w.servers[FIRST].asked] == [False, False], "the question is waited for, not repeated"
        await w.look()
        assert (len(w.asked(FIRST)), len(w.asked(SECOND))) == (2, 2), "who answers is asked first from then on"


@pytest.mark.parametrize("known", [True, False])
async def test_where_no_other_can_be_asked_an_answer_is_waited_for_before_tcp(known: bool) -> None:
    public = {**PUBLIC, (DOMAIN, "NS"): ["ns1.example.test."]}
    async with world({FIRST: zone(), SECOND: zone()}, public) as w:
        if known:
            await w.look()
        w.servers[FIRST].script = over(udp=silent, tcp=zone(OLD))
        begun = time.monotonic()
        missed(await w.look(), Reason.OLD_CODE)
        assert time.monotonic() - begun >= UDP_WITHIN - 0.01
        assert [one.tcp for one in w.servers[FIRST].asked] == [False] * known + [False, True]


@pytest.mark.parametrize("name", ["from before EDNS", "cut short"])
async def test_what_a_datagram_does_not_tell_is_asked_for_another_way(name: str) -> None:
    async with world({FIRST: SCRIPTS[name], SECOND: zone()}) as w:
        for _ in range(2):
            sight = missed(await w.look(), Reason.OLD_CODE)
            assert [one.outcome for one in sight.servers] == ["old_code"]


async def test_a_glance_keeps_the_server_that_answered_preferred() -> None:
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        await w.look()
        w.lookup._answered.drop(DOMAIN)
        await w.look()
        assert w.lookup._answered.get(DOMAIN) == FIRST


async def test_a_record_outside_the_domain_is_not_looked_for_in_the_domains_zone() -> None:
    async with world({FIRST: zone(), SECOND: zone(), THIRD: PROVIDER}) as w:
        await w.look()
        assert isinstance(await w.look(Look(DOMAIN, "proof.provider.test", CODE)), Match)


# The zone that the row has


async def test_a_look_says_in_which_zone_the_domain_was_found_and_for_how_long_that_holds() -> None:
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        for look in (LOOK, LOOK, Look("a.b.example.test", "_v.a.b.example.test", CODE)):
            found = (await w.look(look)).zone
            assert found is not None
            assert found.origin == DOMAIN
            assert timedelta(seconds=50) < found.holds_for <= timedelta(seconds=60)


async def test_no_zone_is_told_to_a_row_that_has_it() -> None:
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        for _ in range(2):
            assert (await w.look(replace(LOOK, zone=DOMAIN))).zone is None


async def test_the_target_of_an_alias_is_not_taken_for_the_zone_of_the_domain() -> None:
    async with world({FIRST: TO_PROVIDER, SECOND: TO_PROVIDER, THIRD: authoritative({}, "provider.test")}) as w:
        for _ in range(2):
            found = missed(await w.look(), Reason.CNAME).zone
            assert found is not None
            assert found.origin == DOMAIN


async def test_with_the_zone_in_the_row_no_resolver_is_asked_for_the_domain() -> None:
    domains = [f"d{n}.c.example.test" for n in range(5)]
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        for domain in domains:
            missed(await w.look(Look(domain, f"_v.{domain}", CODE, zone=DOMAIN)), Reason.NO_SUCH_NAME)
        assert w.resolver.questions("NS") == [DOMAIN]
        missed(await w.look(), Reason.NO_SUCH_NAME)
        assert w.resolver.questions("NS") == [DOMAIN], "the zone's own domain lies in it as well"


async def test_a_zone_that_a_walk_has_found_serves_the_rows_that_have_it() -> None:
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        await w.look(Look("a.example.test", "_v.a.example.test", CODE))
        before = w.resolver.questions("NS")
        await w.look(Look("b.example.test", "_v.b.example.test", CODE, zone=DOMAIN))
        assert w.resolver.questions("NS") == before == ["a.example.test", DOMAIN]


async def test_a_zone_whose_servers_are_known_is_found_by_one_plain_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    domains = ["one.test", "two.test", "a.three.test"]
    public = {**PUBLIC, **{(f"{each}.test", "NS"): PUBLIC[DOMAIN, "NS"] for each in ("one", "two", "three")}}
    zones = {(f"_v.{domain}", "TXT"): ['"another"'] for domain in domains}
    async with world({one: authoritative(zones, "test") for one in (FIRST, SECOND)}, public) as w:
        missed(await w.look(Look(DOMAIN, NAME, CODE)), Reason.NO_SUCH_NAME)
        before = len(w.resolver.asked)
        # the ways to dnspython are closed
        monkeypatch.setattr(reading, "at_length", None)
        monkeypatch.setattr(Exchange, "ask", None)
        for domain in domains:
            missed(await w.look(Look(domain, f"_v.{domain}", CODE, zone=domain.removeprefix("a."))), Reason.OTHER_VALUE)
        assert w.resolver.questions("NS")[-3:] == ["one.test", "two.test", "three.test"]
        assert len(w.resolver.asked) == before + 3
        assert len({one.source for one in w.resolver.asked[-3:]}) == 3, "a forger has to guess the port of each"


async def test_looks_that_begin_together_find_the_zone_in_their_rows_once() -> None:
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        looks = [Look(f"d{n}.{DOMAIN}", f"_verify.d{n}.{DOMAIN}", CODE, zone=DOMAIN) for n in range(50)]
        for sight in await asyncio.gather(*map(w.look, looks)):
            missed(sight, Reason.NO_SUCH_NAME)
        asked = sorted((one.kind, one.name) for one in w.resolver.asked)
    assert asked == [
        *[("A", f"ns{n}.example.test") for n in (1, 2)],
        *[("AAAA", f"ns{n}.example.test") for n in (1, 2)],
        ("NS", DOMAIN),
    ]


@pytest.mark.parametrize(
    "hint",
    ["", ".", "ample.test", "other.test", NAME, f"x.{DOMAIN}", f".{DOMAIN}", "provider.test", "a..b", "x" * 300, "\\"],
)
async def test_a_zone_that_the_domain_cannot_lie_in_is_not_believed(hint: str) -> None:
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        for _ in range(2):
            sight = missed(await w.look(replace(LOOK, zone=hint)), Reason.NO_SUCH_NAME)
            assert sight.zone is not None
            assert sight.zone.origin == DOMAIN
        assert w.resolver.questions("NS") == [DOMAIN]


async def test_a_known_zone_is_not_taken_for_another_that_ends_like_it() -> None:
    public = {**PUBLIC, ("ample.test", "NS"): ["ns.provider.test."]}
    async with world({FIRST: zone(), SECOND: zone(), THIRD: authoritative({}, "ample.test")}, public) as w:
        missed(await w.look(Look("ample.test", "_v.ample.test", CODE)), Reason.NO_SUCH_NAME)
        missed(await w.look(replace(LOOK, zone="ample.test")), Reason.NO_SUCH_NAME)
        assert w.asked(THIRD) == ["_v.ample.test"]


async def test_a_failure_to_find_the_zone_in_the_row_is_none_to_find_the_domains() -> None:
    child = authoritative({}, "a.b.test")
    async with world({THIRD: child}, {("a.b.test", "NS"): ["ns.provider.test."], **PUBLIC}) as w:
        unseen(await w.look(Look("b.test", "_v.b.test", CODE)), Reason.CANNOT_SEE)
        missed(await w.look(Look("a.b.test", "_v.a.b.test", CODE, zone="b.test")), Reason.NO_SUCH_NAME)


async def test_a_dot_within_a_label_is_no_end_of_one() -> None:
    look = Look(r"x\.example.test", r"_v.x\.example.test", CODE, zone=DOMAIN)
    async with world({FIRST: zone(), SECOND: zone()}, {**PUBLIC, ("test", "NS"): ["ns1.example.test."]}) as w:
        await w.look(look)
        assert w.resolver.questions("NS") == [r"x\.example.test", "test"]


@pytest.mark.parametrize("failure", [saying(dns.rcode.SERVFAIL), saying(dns.rcode.NXDOMAIN), resolving({})])
async def test_a_zone_in_the_row_that_is_there_no_more_is_searched_for_anew(failure: Script) -> None:
    knows = resolving(PUBLIC)

    def script(query: dns.message.Message, tcp: bool) -> Said:
        gone = query.question[0].name == dns.name.from_text("b.example.test")
        return (failure if gone else knows)(query, tcp)

    async with world({FIRST: zone(), SECOND: zone()}, script) as w:
        sight = await w.look(Look("a.b.example.test", "_v.a.b.example.test", CODE, zone="b.example.test"))
        missed(sight, Reason.NO_SUCH_NAME)
        assert sight.zone is not None
        assert sight.zone.origin == DOMAIN


async def test_when_the_servers_of_the_zone_in_the_row_fail_it_is_looked_for_anew() -> None:
    look = Look("a.example.test", "_v.a.example.test", CODE, zone=DOMAIN)
    async with world({FIRST: saying(dns.rcode.REFUSED), SECOND: saying(dns.rcode.REFUSED)}) as w:
        for _ in range(2):
            unseen(await w.look(look), Reason.REFUSED)
        assert w.resolver.questions("NS") == [DOMAIN, DOMAIN]


async def test_a_server_whose_address_could_not_be_had_is_looked_for_again_soon() -> None:
    no_v6 = for_kind("AAAA", saying(dns.rcode.SERVFAIL), resolving(PUBLIC))
    async with world({FIRST: zone(), SECOND: zone()}, no_v6) as w:
        await w.look()
        assert all(entry.until - time.monotonic() < 2 for entry in w.lookup._walk._ready._entries.values())


# Aliases


async def test_an_alias_is_followed_to_its_targets_zone() -> None:
    async with world({FIRST: TO_PROVIDER, SECOND: TO_PROVIDER, THIRD: PROVIDER}) as w:
        sight = await w.look()
        assert w.resolver.questions("NS") == [DOMAIN, "provider.test"]
    assert isinstance(sight, Match)
    assert sorted(one.server for one in sight.servers) == ["ns.provider.test", "ns1.example.test", "ns2.example.test"]


async def test_an_alias_within_the_zone_is_followed() -> None:
    script = authoritative(
        {(NAME, "CNAME"): ["proof.example.test."], ("proof.example.test", "TXT"): ['"the-code-of-now"']}
    )
    async with world({FIRST: script, SECOND: script}) as w:
        assert isinstance(await w.look(), Match)


@pytest.mark.parametrize("synthesised", [True, False])
async def test_a_dname_is_followed(synthesised: bool) -> None:
    look = Look(DOMAIN, "_verify.sub.example.test", CODE)

    def script(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        answer.answer.append(dns.rrset.from_text("sub.example.test.", 60, "IN", "DNAME", "sub.provider.test."))
        if synthesised:
            answer.answer.append(
                dns.rrset.from_text(dns.name.from_text(look.name), 0, "IN", "CNAME", "_verify.sub.provider.test.")
            )
        return answer

    target = authoritative({("_verify.sub.provider.test", "TXT"): ['"the-code-of-now"']}, "provider.test")
    async with world({FIRST: script, SECOND: script, THIRD: target}) as w:
        assert isinstance(await w.look(look), Match)


async def test_a_server_without_the_alias_is_stale() -> None:
    async with world({FIRST: TO_PROVIDER, SECOND: zone(), THIRD: PROVIDER}) as w:
        sight = missed(await w.look(), Reason.STALE_SERVER)
    assert "ns2.example.test" in sight.detail


async def test_an_alias_that_leads_elsewhere_on_one_server_is_stale_there() -> None:
    other = zone(CNAME=["other.provider.test."])
    async with world({FIRST: TO_PROVIDER, SECOND: other, THIRD: PROVIDER}) as w:
        sight = missed(await w.look(), Reason.STALE_SERVER)
    assert [one.outcome for one in sight.servers] == ["match", "cname"]


@pytest.mark.parametrize(
    ("records", "reason", "outcome"),
    [
        ({}, Reason.CNAME, "no_such_name"),
        ({("proof.provider.test", "A"): ["192.0.2.1"]}, Reason.CNAME, "no_txt"),
        ({("proof.provider.test", "TXT"): ['"another"']}, Reason.CNAME, "other_value"),
        ({("proof.provider.test", "TXT"): [f'"{OLD.decode()}"']}, Reason.OLD_CODE, "old_code"),
    ],
)
async def test_an_alias_without_the_code_at_its_end_says_where_it_leads(
    records: Records, reason: Reason, outcome: str
) -> None:
    async with world({FIRST: TO_PROVIDER, SECOND: TO_PROVIDER, THIRD: authoritative(records, "provider.test")}) as w:
        sight = missed(await w.look(), reason)
    assert "proof.provider.test, which _verify.example.test is an alias of" in sight.detail
    assert [one.outcome for one in sight.servers] == [outcome]


async def test_a_value_that_comes_along_with_an_alias_is_not_taken_from_who_does_not_own_it() -> None:
    def claims(query: dns.message.Message, tcp: bool) -> Said:
        answer = TO_PROVIDER(query, tcp)
        assert isinstance(answer, dns.message.Message)
        if query.question[0].rdtype == dns.rdatatype.TXT:
            answer.answer.append(dns.rrset.from_text("proof.provider.test.", 60, "IN", "TXT", '"the-code-of-now"'))
        return answer

    async with world({FIRST: claims, SECOND: claims, THIRD: authoritative({}, "provider.test")}) as w:
        missed(await w.look(), Reason.CNAME)


async def test_an_alias_whose_zone_cannot_be_seen_is_a_failure_to_see() -> None:
    lost = zone(CNAME=["proof.lost.invalid."])
    async with world({FIRST: lost, SECOND: lost}) as w:
        unseen(await w.look(), Reason.CANNOT_SEE)


@pytest.mark.parametrize("target", [NAME, "back.provider.test"])
async def test_aliases_that_lead_in_a_circle_are_a_miss(target: str) -> None:
    script = zone(CNAME=[f"{target}."])
    back = authoritative({("back.provider.test", "CNAME"): [f"{NAME}."]}, "provider.test")
    async with world({FIRST: script, SECOND: script, THIRD: back}) as w:
        sight = missed(await w.look(), Reason.CNAME)
    assert "in a circle" in sight.detail
    assert sight.servers


async def test_more_aliases_than_eight_are_a_miss_and_eight_are_not() -> None:
    chain = {(f"c{n}.example.test", "CNAME"): [f"c{n + 1}.example.test."] for n in range(20)}
    chain["c20.example.test", "TXT"] = ['"the-code-of-now"']
    script = authoritative(chain)
    async with world({FIRST: script, SECOND: script}) as w:
        sight = missed(await w.look(Look(DOMAIN, "c11.example.test", CODE)), Reason.CNAME)
        assert isinstance(await w.look(Look(DOMAIN, "c12.example.test", CODE)), Match)
    assert "more than 8" in sight.detail


# Whom nobody may have asked


async def test_private_name_servers_are_not_asked_and_the_setting_is_named() -> None:
    async with world({FIRST: zone(CODE), SECOND: zone(CODE)}, private=False) as w:
        sight = unseen(await w.look(), Reason.CANNOT_SEE)
        assert w.servers[FIRST].asked == w.servers[SECOND].asked == []
    assert "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS=true" in sight.detail
    assert DOMAIN in sight.detail


async def test_private_servers_stay_unasked_by_default() -> None:
    assert not LookOptions().allow_private_servers


# Real servers


@pytest.fixture
async def at_bind(bind: RealServer) -> AsyncIterator[AuthoritativeLookup]:
    async with aclosing(AuthoritativeLookup(LookOptions((bind.server,), bind.port, allow_private_servers=True))) as it:
        yield it


async def test_bind_is_read_as_its_owner_wrote_it(bind: RealServer, at_bind: AuthoritativeLookup) -> None:
    zone_name, name = "example.test", "looked-at.example.test"
    missed(await at_bind.look(Look(zone_name, name, CODE)), Reason.NO_SUCH_NAME)
    bind.put(zone_name, name, "TXT", 60, f'"{OLD.decode()}"')
    missed(await at_bind.look(Look(zone_name, name, CODE, ((1, OLD),))), Reason.OLD_CODE)
    bind.put(zone_name, name, "TXT", 60, '"v=spf1 -all"', '"the-code" "-of-now"')
    sight = await at_bind.look(Look(zone_name, name, CODE))
    assert isinstance(sight, Match)
    assert sight.servers[0].serial is not None
    assert sight.servers[0].values == 2
    bind.put(zone_name, name, "TXT", 60)
    bind.put(zone_name, name, "CNAME", 60, "www.example.test.")
    missed(await at_bind.look(Look(zone_name, name, CODE)), Reason.CNAME)
    bind.put(zone_name, name, "CNAME", 60)


async def test_bind_and_its_child_zone_and_its_apex_and_its_wildcards(at_bind: AuthoritativeLookup) -> None:
    spf = b"v=spf1 include:_spf.mail.test -all"
    for domain in ("example.test", "sub.example.test"):
        assert isinstance(await at_bind.look(Look(domain, domain, spf)), Match)
    assert isinstance(await at_bind.look(Look("example.test", "sub.example.test", spf)), Match)
    missed(await at_bind.look(Look("example.test", "www.example.test", spf)), Reason.NO_TXT)
    wild = Look("example.test", "any.wild-text.example.test", b"from the wildcard")
    assert isinstance(await at_bind.look(wild), Match)
    missed(await at_bind.look(Look("example.test", "any.wild-alias.example.test", spf)), Reason.CNAME)
    unseen(await at_bind.look(Look("example.test", "x.delegated.example.test", spf)), Reason.CANNOT_SEE)
