"""A thorough look finds the value where it stands by mistake, and is not taken in by wildcards."""

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest

from tests.adapters.dns.scripted import Records, Said, Script, authoritative
from tests.adapters.dns.world import CODE, DOMAIN, FIRST, LOOK, NAME, SECOND, missed, world, zone
from txtproof.core.observations import Match
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

THOROUGH = replace(LOOK, thorough=True)
VALUE = [f'"{CODE.decode()}"']


def holding(name: str, *others: str, values: list[str] = VALUE) -> Script:
    return authoritative({(name, "TXT"): values, **{(one, "A"): ["192.0.2.1"] for one in others}})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"{NAME}.{DOMAIN}", Reason.DOUBLED_NAME),
        (DOMAIN, Reason.WRONG_NAME),
        (f"www.{DOMAIN}", Reason.WRONG_NAME),
        (f"_verify.www.{DOMAIN}", Reason.WRONG_NAME),
        (f"verify.{DOMAIN}", Reason.WRONG_NAME),
    ],
)
@pytest.mark.parametrize("others", [(), (NAME,)])
async def test_the_value_at_a_near_name_is_found(name: str, reason: Reason, others: tuple[str, ...]) -> None:
    async with world({FIRST: holding(name, *others), SECOND: zone()}) as w:
        sight = missed(await w.look(THOROUGH), reason)
        assert sight.detail == f"the code stands at {name}"
        assert [one.outcome for one in sight.servers] == ["no_txt" if others else "no_such_name"]


async def test_a_record_below_a_parent_domain_is_found_where_that_is_in_the_zone() -> None:
    look = replace(THOROUGH, domain=f"shop.{DOMAIN}", name=f"_verify.shop.{DOMAIN}")
    for name, reason in ((NAME, Reason.WRONG_NAME), (f"_verify.shop.{DOMAIN}.{DOMAIN}", Reason.DOUBLED_NAME)):
        async with world({FIRST: holding(name), SECOND: zone()}) as w:
            assert missed(await w.look(look), reason).detail == f"the code stands at {name}"


async def test_a_wildcard_that_has_the_value_for_every_name_is_no_near_name() -> None:
    held = holding(NAME, DOMAIN, values=['"v=spf1 -all"'])

    def wild(query: dns.message.Message, tcp: bool) -> Said:
        said = held(query, tcp)
        asked = query.question[0].name
        if isinstance(said, dns.message.Message) and said.rcode() == dns.rcode.NXDOMAIN:
            said.set_rcode(dns.rcode.NOERROR)
            said.authority.clear()
            said.answer.append(dns.rrset.from_text(asked, 60, "IN", "TXT", *VALUE))
        return said

    async with world({FIRST: wild, SECOND: zone()}) as w:
        missed(await w.look(THOROUGH), Reason.OTHER_VALUE)


async def test_a_look_that_is_not_thorough_asks_for_nothing_else() -> None:
    async with world({FIRST: holding(DOMAIN), SECOND: zone()}) as w:
        missed(await w.look(), Reason.NO_SUCH_NAME)
        assert w.asked(FIRST) == [NAME]


async def test_a_thorough_look_that_matches_asks_for_nothing_else() -> None:
    async with world({FIRST: zone(CODE), SECOND: zone(CODE)}) as w:
        assert isinstance(await w.look(THOROUGH), Match)
        assert {*w.asked(FIRST), *w.asked(SECOND)} == {NAME}


async def test_nothing_is_asked_outside_the_zone() -> None:
    async with world({FIRST: zone(), SECOND: zone()}) as w:
        missed(await w.look(THOROUGH), Reason.NO_SUCH_NAME)
        assert {one for one in w.asked(FIRST) if not one.endswith(DOMAIN)} == set()


@pytest.mark.parametrize(("wild", "reason"), [(True, Reason.WILDCARD_CNAME), (False, Reason.CNAME)])
async def test_an_alias_by_a_wildcard_is_told_from_one_that_was_made(wild: bool, reason: Reason) -> None:
    target = f"parked.{DOMAIN}"
    records: Records = {(target, "A"): ["192.0.2.1"], **({} if wild else {(NAME, "CNAME"): [f"{target}."]})}
    held = authoritative(records)

    def serving_aliases(query: dns.message.Message, tcp: bool) -> Said:
        said = held(query, tcp)
        asked = query.question[0].name
        if (
            wild
            and isinstance(said, dns.message.Message)
            and said.rcode()
            and asked.is_subdomain(dns.name.from_text(DOMAIN))
        ):
            said.set_rcode(dns.rcode.NOERROR)
            said.authority.clear()
            said.answer.append(dns.rrset.from_text(asked, 60, "IN", "CNAME", f"{target}."))
        return said

    async with world({FIRST: serving_aliases, SECOND: serving_aliases}) as w:
        sight = missed(await w.look(THOROUGH), reason)
        assert target in sight.detail


async def test_one_address_that_says_one_thing_and_then_another_is_called_unsteady() -> None:
    there, turns = zone(CODE), iter(range(100))

    def by_turns(query: dns.message.Message, tcp: bool) -> Said:
        return (there if next(turns) % 2 else zone())(query, tcp)

    async with world({FIRST: by_turns, SECOND: zone()}) as w:
        assert FIRST in missed(await w.look(THOROUGH), Reason.UNSTEADY_ANSWERS).detail


@pytest.mark.parametrize("value", [b" " + CODE, CODE.upper(), b"nexus=" + CODE])
async def test_an_altered_value_is_a_miss_that_says_so_and_never_passes(value: bytes) -> None:
    async with world({FIRST: zone(value), SECOND: zone(value)}) as w:
        sight = missed(await w.look(), Reason.ALTERED_VALUE)
        assert "serves the code with" in sight.detail
        assert CODE.decode() not in sight.detail
