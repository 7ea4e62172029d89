"""Where a name stands, as scripted servers say it: zones, aliases, and what is not believed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest

from tests.adapters.dns.scripted import Records, Said, Script, authoritative, over, saying, silent
from tests.adapters.dns.world import FIRST, PUBLIC, SECOND, THIRD, World, world
from txtproof.adapters.dns import delegation
from txtproof.core.observations import Unreachable
from txtproof.core.reasons import Reason
from txtproof.ports import Standing

ZONE, NAME = "example.test", "_verify.example.test"
HOPED = Standing(ZONE, ("ns1.example.test",))
ONE: Records = {
    ("test", "NS"): ["ns.test."],
    ("ns.test", "A"): [SECOND],
    (ZONE, "NS"): ["ns1.example.test."],
    ("ns1.example.test", "A"): [FIRST],
}
TOP: Records = {(ZONE, "NS"): ["ns1.example.test."], ("ns1.example.test", "A"): [FIRST]}


@asynccontextmanager
async def zone(records: Records, **more: Script) -> AsyncIterator[World]:
    """One server of example.test with these records; `more`: at other addresses."""
    others: Mapping[str, Script] = {"second": silent, "third": silent} | more
    scripts = {FIRST: authoritative(records), SECOND: others["second"], THIRD: others["third"]}
    async with world(scripts, ONE) as running:
        yield running


async def test_a_plain_name_takes_one_question_and_the_next_one_no_more() -> None:
    async with zone({}) as running:
        for name in (NAME, f"another.{ZONE}", ZONE):
            assert await running.lookup.delegations.standing(name, ZONE) == HOPED
        assert running.asked(FIRST, "SOA") == [NAME, f"another.{ZONE}", ZONE]
        asked = [(one.name, one.kind) for one in running.resolver.asked]
        assert sorted(asked) == [(ZONE, "NS"), ("ns1.example.test", "A"), ("ns1.example.test", "AAAA")]


async def test_a_name_in_no_zone_of_ours_is_found_from_above_and_no_resolver_is_asked_for_it() -> None:
    async with zone({}) as running:
        assert await running.lookup.delegations.standing(f"a.{NAME}", None) == HOPED
        assert f"a.{NAME}" not in {one.name for one in running.resolver.asked}
        assert await running.lookup.delegations.standing(ZONE, None) == HOPED


async def test_a_referral_leads_to_the_zone_below() -> None:
    below: Records = {("sub.example.test", "NS"): ["ns.sub.example.test."], ("ns.sub.example.test", "A"): [THIRD]}
    async with zone(below, third=authoritative({}, "sub.example.test")) as running:
        found = await running.lookup.delegations.standing("_verify.sub.example.test", ZONE)
        assert found == Standing("sub.example.test", ("ns.sub.example.test",))


async def test_a_zone_below_whose_server_is_silent_is_known_all_the_same() -> None:
    below: Records = {("sub.example.test", "NS"): ["ns.sub.example.test."], ("ns.sub.example.test", "A"): [THIRD]}
    async with zone(below, third=saying(dns.rcode.REFUSED)) as running:
        found = await running.lookup.delegations.standing("_verify.sub.example.test", ZONE)
        assert isinstance(found, Standing)
        assert (found.zone, found.servers) == ("sub.example.test", ("ns.sub.example.test",))
        assert found.unseen is not None
        assert found.unseen.reason is Reason.REFUSED


async def test_a_zone_below_whose_servers_nobody_finds_is_known_all_the_same() -> None:
    async with zone({("sub.example.test", "NS"): ["ns2.elsewhere.test.", "ns1.elsewhere.test."]}) as running:
        found = await running.lookup.delegations.standing("_verify.sub.example.test", ZONE)
        assert isinstance(found, Standing)
        assert (found.zone, found.servers) == ("sub.example.test", ("ns1.elsewhere.test", "ns2.elsewhere.test"))
        assert found.unseen is not None
        assert found.unseen.reason is Reason.CANNOT_SEE


async def test_a_zone_that_is_not_delegated_is_called_by_what_answers_for_it() -> None:
    public = {place: texts for place, texts in ONE.items() if place[0] in ("test", "ns.test")}
    async with world({FIRST: silent, SECOND: authoritative({}, "test")}, public) as running:
        assert await running.lookup.delegations.standing(NAME, ZONE) == Standing("test", ("ns.test",))


async def test_a_resolver_that_fails_for_a_zone_does_not_make_it_one_that_is_not_delegated() -> None:
    """Its servers do not hold it, and so a resolver says SERVFAIL: who is above still sends on to them."""
    public = {place: texts for place, texts in ONE.items() if place[0] in ("test", "ns.test")}
    async with world({FIRST: saying(dns.rcode.REFUSED), SECOND: authoritative(TOP, "test")}, public) as running:
        found = await running.lookup.delegations.standing(NAME, ZONE)
    assert isinstance(found, Standing)
    assert (found.zone, found.servers) == (ZONE, HOPED.servers)
    assert found.unseen == Unreachable(Reason.REFUSED, f"ns1.example.test ({FIRST}): refused")


@pytest.mark.parametrize(
    ("resolver", "nowhere"),
    [
        (saying(dns.rcode.REFUSED), True),
        (saying(dns.rcode.NXDOMAIN), True),
        (saying(dns.rcode.SERVFAIL), False),
    ],
)
async def test_only_a_resolver_that_is_well_can_say_that_there_is_no_zone(resolver: Script, nowhere: bool) -> None:
    unseen = Unreachable(Reason.CANNOT_SEE, f"no zone was found for {ZONE}")
    async with world({FIRST: silent}, resolver) as running:
        found = await running.lookup.delegations.standing(NAME, ZONE)
        assert found == (Standing("", (), unseen=unseen) if nowhere else unseen)


async def test_an_alias_is_told_with_where_it_leads() -> None:
    async with zone({(NAME, "CNAME"): ["Example-Test.Verify.Platform.Test."]}) as running:
        found = await running.lookup.delegations.standing(NAME, ZONE)
        assert found == Standing(ZONE, HOPED.servers, "example-test.verify.platform.test")


async def test_an_alias_that_a_wildcard_makes_is_called_so() -> None:
    def wild(query: dns.message.Message, tcp: bool) -> Said:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "CNAME", "www.example.test."))
        return answer

    async with world({FIRST: wild}, ONE) as running:
        found = await running.lookup.delegations.standing(NAME, ZONE)
        assert found == Standing(ZONE, HOPED.servers, "www.example.test", wildcard=True)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (saying(dns.rcode.REFUSED), Reason.REFUSED),
        (saying(dns.rcode.SERVFAIL), Reason.SERVFAIL),
        (saying(dns.rcode.NOERROR), Reason.LAME),
        (authoritative({}, "test"), Reason.LAME),
    ],
    ids=["refused", "servfail", "no AA", "of the zone above"],
)
async def test_servers_of_no_use_are_a_failure_to_see_and_the_delegation_is_known(
    script: Script, reason: Reason
) -> None:
    async with world({FIRST: script, SECOND: silent}, ONE) as running:
        found = await running.lookup.delegations.standing(NAME, ZONE)
        assert isinstance(found, Standing)
        assert (found.zone, found.servers) == (ZONE, HOPED.servers)
        assert found.unseen == Unreachable(reason, f"ns1.example.test ({FIRST}): {reason.value}")


async def test_one_of_two_servers_is_enough() -> None:
    async with world({FIRST: saying(dns.rcode.REFUSED), SECOND: authoritative({})}, PUBLIC) as running:
        found = await running.lookup.delegations.standing(NAME, ZONE)
        assert found == Standing(ZONE, ("ns1.example.test", "ns2.example.test"))


def failing(query: dns.message.Message, tcp: bool) -> Said:
    """Fail, with the zone's SOA beside it."""
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.AA
    answer.set_rcode(dns.rcode.SERVFAIL)
    numbers = "7 3600 600 86400 60"
    answer.authority.append(
        dns.rrset.from_text(f"{ZONE}.", 60, "IN", "SOA", f"ns1.{ZONE}. hostmaster.{ZONE}. {numbers}")
    )
    return answer


async def test_of_a_zone_that_is_known_only_an_answer_says_that_a_name_lies_in_it() -> None:
    async with zone({}) as running:
        assert await running.lookup.delegations.standing(NAME, ZONE) == HOPED
        running.servers[FIRST].script = failing
        found = await running.lookup.delegations.standing(NAME, ZONE)
        assert isinstance(found, Standing)
        assert found.unseen == Unreachable(Reason.SERVFAIL, f"ns1.example.test ({FIRST}): servfail")


async def test_of_a_zone_that_is_known_an_alias_and_a_zone_below_are_seen() -> None:
    records: Records = {
        ("sub.example.test", "NS"): ["ns.sub.example.test."],
        ("ns.sub.example.test", "A"): [THIRD],
        ("away.example.test", "CNAME"): ["proof.platform.test."],
    }
    async with zone(records, third=authoritative({}, "sub.example.test")) as running:
        for _ in range(2):
            assert await running.lookup.delegations.standing(NAME, ZONE) == HOPED
            alias = await running.lookup.delegations.standing("away.example.test", ZONE)
            assert alias == Standing(ZONE, HOPED.servers, "proof.platform.test")
            child = await running.lookup.delegations.standing("_verify.sub.example.test", ZONE)
            assert child == Standing("sub.example.test", ("ns.sub.example.test",))


async def test_silence_ends_in_time() -> None:
    async with world({FIRST: silent}, ONE) as running:
        running.lookup.delegations._within = 0.3
        found = await running.lookup.delegations.standing(NAME, ZONE)
        assert found == Unreachable(Reason.TIMEOUT, f"the name servers of {NAME} did not answer in time")


@pytest.mark.parametrize("lie", ["an alias", "no delegation", "a referral"])
async def test_what_is_not_as_hoped_is_not_believed_from_a_datagram(lie: str) -> None:
    forged = {
        "an alias": authoritative({(NAME, "CNAME"): ["www.evil.test."]}),
        "no delegation": saying(dns.rcode.REFUSED),
        "a referral": authoritative({(NAME, "NS"): ["ns.evil.test."], ("ns.evil.test", "A"): [THIRD]}),
    }[lie]
    scripts = {FIRST: over(udp=forged, tcp=authoritative({})), SECOND: silent, THIRD: authoritative({}, NAME)}
    async with world(scripts, ONE) as running:
        assert await running.lookup.delegations.standing(NAME, ZONE) == HOPED


async def test_a_delegation_that_was_mended_is_seen_by_the_next_question() -> None:
    below: Records = {("sub.example.test", "NS"): ["ns.sub.example.test."], ("ns.sub.example.test", "A"): [THIRD]}
    async with zone(below, third=authoritative({}, "sub.example.test")) as running:
        name = "_verify.sub.example.test"
        assert await running.lookup.delegations.standing(name, ZONE) != HOPED
        running.servers[FIRST].script = authoritative({})
        assert await running.lookup.delegations.standing(name, ZONE) == HOPED


async def test_referrals_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    depth = 0

    def deeper(query: dns.message.Message, tcp: bool) -> Said:
        """Send on to one label more, each time that somebody comes."""
        nonlocal depth
        depth += 1
        answer = dns.message.make_response(query)
        cut = dns.name.Name(query.question[0].name.labels[-3 - depth :])
        answer.authority.append(dns.rrset.from_text(cut, 60, "IN", "NS", "ns1.example.test."))
        answer.additional.append(dns.rrset.from_text("ns1.example.test.", 60, "IN", "A", FIRST))
        return answer

    monkeypatch.setattr(delegation, "MOST_REFERRALS", 3)
    async with world({FIRST: over(udp=saying(dns.rcode.REFUSED), tcp=deeper)}, ONE) as running:
        found = await running.lookup.delegations.standing(f"a.b.c.d.e.f.g.{ZONE}", ZONE)
        assert isinstance(found, Unreachable)
        assert (found.reason, found.detail[:22]) == (Reason.LAME, "more than 3 delegation")
