"""All servers are asked once one serves the value: who is silent is set aside, who wavers is not believed."""

import time

import dns.edns
import dns.message
import pytest

from tests.adapters.dns.scripted import Said, Script, over, silent
from tests.adapters.dns.world import CODE, FIRST, LOOK, SECOND, World, missed, world, zone
from txtproof.core.observations import Match
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

BRIEF = 1.0
"""Seconds: less than the time that a silent server is given over TCP."""


async def quick(w: World) -> bool:
    begun = time.monotonic()
    assert isinstance(await w.look(), Match)
    return time.monotonic() - begun < BRIEF


async def test_a_silent_server_is_waited_for_once_and_hardly_any_more() -> None:
    async with world({FIRST: zone(CODE), SECOND: silent}) as w:
        assert not await quick(w)
        assert await quick(w)
        sight = await w.look()
        assert [(one.address.partition(":")[0], one.outcome) for one in sight.servers] == [
            (FIRST, "match"),
            (SECOND, "timeout"),
        ]


async def test_a_silent_server_that_is_back_without_the_value_counts_at_once() -> None:
    async with world({FIRST: zone(CODE), SECOND: silent}) as w:
        assert not await quick(w)
        w.servers[SECOND].script = zone()
        missed(await w.look(), Reason.STALE_SERVER)


async def test_a_silent_server_is_asked_last() -> None:
    async with world({FIRST: silent, SECOND: zone(CODE)}) as w:
        assert not await quick(w)
        assert await quick(w)


async def test_where_all_are_set_aside_all_are_asked() -> None:
    answering: list[Script] = [silent]

    def one(query: dns.message.Message, tcp: bool) -> Said:
        return answering[-1](query, tcp)

    async with world({FIRST: one, SECOND: one}, seconds=4) as w:
        assert not isinstance(await w.look(), Match)
        answering.append(zone(CODE))
        sight = await w.look()
        assert isinstance(sight, Match)
        assert {one.outcome for one in sight.servers} == {"match"}


async def test_a_server_that_has_just_served_the_value_and_does_not_now_is_called_unsteady() -> None:
    wavering = over(udp=zone(CODE), tcp=zone())
    async with world({FIRST: wavering, SECOND: zone(CODE)}) as w:
        assert FIRST in missed(await w.look(), Reason.UNSTEADY_ANSWERS).detail


async def test_another_server_that_lacks_it_is_behind_and_not_unsteady() -> None:
    async with world({FIRST: zone(CODE), SECOND: zone()}) as w:
        missed(await w.look(), Reason.STALE_SERVER)


def lacking_at(turn: int) -> Script:
    """Serve the value over TCP, but for one turn."""
    turns = iter(range(1000))

    def script(query: dns.message.Message, tcp: bool) -> Said:
        lacks = tcp and query.question[0].rdtype == 16 and next(turns) == turn
        return (zone() if lacks else zone(CODE))(query, tcp)

    return script


async def test_as_many_rounds_are_made_as_the_look_wants() -> None:
    thrice = replace(LOOK, rounds=3)
    async with world({FIRST: zone(CODE), SECOND: zone(CODE)}) as w:
        assert isinstance(await w.look(thrice), Match)
        assert len([one for one in w.servers[FIRST].asked if one.tcp and one.kind == "TXT"]) == 3
    async with world({FIRST: lacking_at(2), SECOND: zone(CODE)}) as w:
        missed(await w.look(thrice), Reason.UNSTEADY_ANSWERS)
    async with world({FIRST: lacking_at(3), SECOND: zone(CODE)}) as w:
        assert isinstance(await w.look(thrice), Match)


async def test_the_server_that_lacked_it_is_asked_first() -> None:
    async with world({FIRST: zone(CODE), SECOND: zone()}) as w:
        behind = f"{SECOND}:{w.servers[SECOND].port}"
        for _ in range(2):
            missed(await w.look(replace(LOOK, first=behind)), Reason.NO_SUCH_NAME)
        assert w.servers[FIRST].asked == []
        missed(await w.look(), Reason.NO_SUCH_NAME)


@pytest.mark.parametrize(
    ("nsid", "node"), [(b"node-7.ams", "node-7.ams"), (b"\x00\xff", "00ff"), (b"\x1b[31m", "1b5b33316d"), (b"", "")]
)
async def test_where_answers_waver_each_machine_is_asked_for_its_name(nsid: bytes, node: str) -> None:
    def named(query: dns.message.Message, tcp: bool) -> Said:
        said = zone(CODE)(query, tcp)
        if isinstance(said, dns.message.Message) and any(
            one.otype == dns.edns.OptionType.NSID for one in query.options
        ):
            said.use_edns(0, options=[dns.edns.NSIDOption(nsid)])
        return said

    async with world({FIRST: named, SECOND: zone(CODE)}) as w:
        sight = await w.look(replace(LOOK, rounds=2))
        assert isinstance(sight, Match)
        assert [one.node for one in sight.servers] == [node, ""]
        assert {one.node for one in (await w.look()).servers} == {""}
