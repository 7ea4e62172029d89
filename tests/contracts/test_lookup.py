"""What every judge must keep, in memory or over the wire."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Protocol

import pytest

from tests.adapters.dns.scripted import Server, authoritative, resolving, serving, silent
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.core.decisions import Look
from txtproof.core.observations import Match, Miss, Unseen
from txtproof.core.reasons import BLIND, Reason
from txtproof.ports import Lookup
from txtproof.testing.lookup import MemoryLookup

DOMAIN, NAME = "example.test", "_verify.example.test"
CODE, OLDER, EARLIER, SPF = b"the-code-of-now", b"the-code-before", b"the-code-of-an-earlier-run", b"v=spf1 -all"
LOOK = Look(DOMAIN, NAME, CODE, ((0, EARLIER), (1, OLDER)))
HOME, RESOLVER = "127.0.0.1", "127.0.0.8"


class World(Protocol):
    """One name server, and a judge that asks it."""

    lookup: Lookup

    def serve(self, *values: bytes) -> None:
        """Have these values at the name; none: the name exists without TXT."""

    def forget(self) -> None:
        """Have no such name."""

    def fall_silent(self) -> None:
        """Have nobody answer."""


class InMemory:
    def __init__(self) -> None:
        self._values: tuple[bytes, ...] | None = None
        self._judge = MemoryLookup(lambda name: self._values if name == NAME else None)
        self.lookup: Lookup = self._judge

    def serve(self, *values: bytes) -> None:
        self._values = values

    def forget(self) -> None:
        self._values = None

    def fall_silent(self) -> None:
        self._judge.blind = True


class OverTheWire:
    def __init__(self, server: Server, lookup: Lookup) -> None:
        self._server = server
        self.lookup = lookup

    def serve(self, *values: bytes) -> None:
        texts = [f'"{value.decode()}"' for value in values]
        self._server.script = authoritative({(NAME, "TXT" if values else "A"): texts or ["192.0.2.1"]})

    def forget(self) -> None:
        self._server.script = authoritative({})

    def fall_silent(self) -> None:
        self._server.script = silent


@pytest.fixture(params=["memory", "authoritative"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        yield InMemory()
        return
    public = resolving({(DOMAIN, "NS"): ["ns1.example.test."], ("ns1.example.test", "A"): [HOME]})
    async with serving({HOME: authoritative({})}) as served, serving({RESOLVER: public}) as resolvers:
        resolver = f"{RESOLVER}:{resolvers[RESOLVER].port}"
        options = LookOptions((resolver,), served[HOME].port, allow_private_servers=True)
        async with aclosing(AuthoritativeLookup(options)) as lookup:
            yield OverTheWire(served[HOME], lookup)


@pytest.mark.parametrize("values", [(CODE,), (SPF, CODE, b"other"), (OLDER, CODE), (b"", CODE)])
async def test_one_match_among_many_values_is_a_match(world: World, values: tuple[bytes, ...]) -> None:
    world.serve(*values)
    sight = await world.lookup.look(LOOK)
    assert isinstance(sight, Match)
    assert [(one.outcome, one.rcode, one.authoritative, one.values) for one in sight.servers] == [
        ("match", "NOERROR", True, len(values))
    ]


async def missed(world: World, reason: Reason) -> Miss:
    sight = await world.lookup.look(LOOK)
    assert isinstance(sight, Miss), sight
    assert sight.reason is reason
    assert [(one.outcome, one.authoritative) for one in sight.servers] == [(reason.value, True)]
    assert 0 < len(sight.detail) <= 200
    assert not any(one.decode() in repr(sight) for one in (CODE, OLDER, EARLIER, SPF))
    return sight


async def test_a_name_that_does_not_exist_is_a_miss(world: World) -> None:
    world.forget()
    sight = await missed(world, Reason.NO_SUCH_NAME)
    assert sight.servers[0].rcode == "NXDOMAIN"


async def test_a_name_without_txt_is_a_miss(world: World) -> None:
    world.serve()
    sight = await missed(world, Reason.NO_TXT)
    assert sight.servers[0].rcode == "NOERROR"


@pytest.mark.parametrize("values", [(SPF,), (CODE[:-1],), (b"",)])
async def test_another_value_is_a_miss(world: World, values: tuple[bytes, ...]) -> None:
    world.serve(*values)
    await missed(world, Reason.OTHER_VALUE)


@pytest.mark.parametrize("values", [(CODE.upper(),), (CODE + b" ",), (SPF, b"code=" + CODE)])
async def test_a_value_that_was_altered_is_a_miss_that_says_so(world: World, values: tuple[bytes, ...]) -> None:
    world.serve(*values)
    await missed(world, Reason.ALTERED_VALUE)


@pytest.mark.parametrize(
    ("values", "whose"),
    [
        ((OLDER,), "generation 1"),
        ((SPF, OLDER), "generation 1"),
        ((EARLIER, OLDER), "generation 1"),
        ((EARLIER,), "a run before this one"),
    ],
)
async def test_an_old_code_is_a_miss_that_says_which_it_is(world: World, values: tuple[bytes, ...], whose: str) -> None:
    world.serve(*values)
    assert whose in (await missed(world, Reason.OLD_CODE)).detail


async def test_where_nobody_answers_nothing_is_known(world: World) -> None:
    world.serve(CODE)
    world.fall_silent()
    sight = await world.lookup.look(LOOK)
    assert isinstance(sight, Unseen)
    assert sight.reason in BLIND
    assert [one.outcome for one in sight.servers] == ["timeout"]


async def test_each_look_sees_what_is_there_now(world: World) -> None:
    world.forget()
    await missed(world, Reason.NO_SUCH_NAME)
    world.serve(OLDER)
    await missed(world, Reason.OLD_CODE)
    world.serve(CODE)
    assert isinstance(await world.lookup.look(LOOK), Match)
