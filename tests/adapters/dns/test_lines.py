"""Connections that looks share: few for many, gone when nobody needs them, and no look pays for another's trouble."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import dns.message
import dns.rdatatype
import pytest

from tests.adapters.dns.scripted import Server, serving, silent
from tests.adapters.dns.test_exchange import ASKED, GOOD, HOME, together
from tests.real_servers import RealServer
from txtproof.adapters import dns_stream
from txtproof.adapters.dns import lines
from txtproof.adapters.dns.exchange import Exchange
from txtproof.adapters.dns.lines import MOST_LINES, MOST_OWED
from txtproof.core.reasons import Reason

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def opened(within: float = 5.0) -> AsyncIterator[Exchange]:
    exchange = Exchange(within, within)
    try:
        yield exchange
    finally:
        exchange.close()


async def both(exchange: Exchange, server: Server) -> None:
    """Have both questions answered, each with what was asked for."""
    said = await together(exchange, server.address, server.port)
    messages = [dns.message.from_wire(one) for one in said if isinstance(one, bytes)]
    assert [one.question[0].rdtype for one in messages] == [dns.rdatatype.TXT, dns.rdatatype.SOA], said


def sources(server: Server) -> set[object]:
    return {one.source for one in server.asked}


async def test_one_after_the_other_ask_by_one_connection() -> None:
    async with serving({HOME: GOOD}) as at, opened() as exchange:
        for _ in range(5):
            await both(exchange, at[HOME])
    assert len(at[HOME].asked) == 10
    assert len(sources(at[HOME])) == 1


async def test_no_answer_waits_for_another_to_be_acknowledged(bind: RealServer) -> None:
    took = []
    async with opened() as exchange:
        for _ in range(10):
            (replies,) = await exchange.ask_together(ASKED, [bind.address], bind.port)
            assert replies.took_ms is not None, replies.messages
            took.append(replies.took_ms)
    # 40 ms each, where the system puts it off
    assert min(took[1:]) < 30, took


async def test_a_flock_asks_by_few_connections() -> None:
    flock = 3 * MOST_OWED // len(ASKED)
    async with serving({HOME: GOOD}) as at, opened() as exchange:
        await asyncio.gather(*(both(exchange, at[HOME]) for _ in range(flock)))
    assert len(at[HOME].asked) == 2 * flock
    assert 1 <= len(sources(at[HOME])) <= MOST_LINES


async def test_a_flock_that_is_too_large_waits_its_turn_at_those_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_OWED", 8)
    async with serving({HOME: GOOD}) as at, opened() as exchange:
        flock = [asyncio.create_task(both(exchange, at[HOME])) for _ in range(100)]
        await asyncio.sleep(0)
        flock[70].cancel()
        await asyncio.wait(flock)
        assert [one for one in flock if one.cancelled()] == [flock[70]]
        for one in flock[:70] + flock[71:]:
            one.result()
    assert 1 <= len(sources(at[HOME])) <= MOST_LINES


async def test_a_server_that_is_silent_is_called_once_for_all_and_heard_as_soon_as_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[float] = []

    async def connected(address: str, port: int) -> dns_stream.Stream:
        calls.append(asyncio.get_running_loop().time())
        if len(calls) == 1:
            await asyncio.sleep(60)  # as where packets are dropped
        return await dns_stream.connected(address, port)

    monkeypatch.setattr(lines, "connected", connected)
    monkeypatch.setattr(lines, "OPENS_WITHIN", 0.3)
    async with serving({HOME: GOOD}) as at, opened() as exchange:
        brief = together(exchange, HOME, at[HOME].port, 0.2)
        patient = asyncio.gather(*(both(exchange, at[HOME]) for _ in range(20)))
        said = await brief
        await patient
    assert said == [Reason.TIMEOUT] * 2
    assert len(calls) == 2


async def test_a_connection_that_nobody_uses_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "KEPT", 0.1)
    ended = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in ASKED:
            await answer(reader, writer)
        assert await reader.read() == b""
        ended.set()

    async with listening(converse) as server, opened() as exchange:
        await both(exchange, server)
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_connection_that_has_ended_meanwhile_is_replaced() -> None:
    calls = 0

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        for _ in ASKED:
            await answer(reader, writer)

    async with listening(converse) as server, opened() as exchange:
        for _ in range(3):
            await both(exchange, server)
    assert calls >= 3


async def test_a_server_that_is_gone_is_known_to_be_at_once() -> None:
    async with opened() as exchange:
        async with serving({HOME: GOOD}) as at:
            await both(exchange, at[HOME])
        async with asyncio.timeout(1.0):
            assert await together(exchange, HOME, at[HOME].port) == [Reason.TIMEOUT] * 2


async def test_a_server_that_hangs_up_on_a_crowd_answers_each_by_itself() -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # two questions, and no more
        for _ in ASKED:
            await answer(reader, writer)
        writer.transport.abort()

    async with listening(converse) as server, opened() as exchange:
        await asyncio.gather(*(both(exchange, server) for _ in range(10)))


async def test_an_answer_that_nobody_asked_for_ends_the_connection() -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stray = GOOD(dns.message.make_query("stray.test", "TXT"), True)
        assert isinstance(stray, dns.message.Message)
        put(writer, stray)
        while True:
            await answer(reader, writer)

    async with listening(converse) as server, opened() as exchange:
        said = await together(exchange, server.address, server.port)
    assert said == [Reason.LAME] * 2


async def test_who_waits_in_vain_takes_nobody_along() -> None:
    slow = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # the first pair on each connection is never answered, and those that follow are at once
        for _ in ASKED:
            await read(reader)
        slow.set()
        while True:
            await answer(reader, writer)

    async with listening(converse) as server, opened() as exchange:
        late = asyncio.create_task(together(exchange, server.address, server.port, 0.5))
        await slow.wait()
        await both(exchange, server)
        assert await late == [Reason.TIMEOUT] * 2
        # a connection on which something is owed is not asked by again: this is the first pair of another
        assert await together(exchange, server.address, server.port, 0.2) == [Reason.TIMEOUT] * 2


async def test_a_look_that_is_cut_off_leaves_nothing_behind() -> None:
    async with serving({HOME: silent}) as at, opened() as exchange:
        cut = asyncio.create_task(together(exchange, HOME, at[HOME].port))
        await asyncio.sleep(0.1)
        cut.cancel()
        await asyncio.wait([cut])
        await asyncio.sleep(0)
        assert not [line for line in exchange._lines._pools[HOME, at[HOME].port]._lines if line.is_open]


@asynccontextmanager
async def listening(converse: Converse) -> AsyncIterator[Server]:
    under_way: set[asyncio.Task[None]] = set()

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await converse(reader, writer)
        writer.transport.abort()
        await asyncio.sleep(0)

    def begun(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(asyncio.ensure_future(heard(reader, writer)))

    server = await asyncio.start_server(begun, HOME, 0)
    async with server:
        yield Server(HOME, server.sockets[0].getsockname()[1], GOOD)
        # whoever asked has hung up
        await asyncio.gather(*under_way)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    said = GOOD(await read(reader), True)
    assert isinstance(said, dns.message.Message)
    put(writer, said)
    await writer.drain()


async def read(reader: asyncio.StreamReader) -> dns.message.Message:
    return dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))


def put(writer: asyncio.StreamWriter, said: dns.message.Message) -> None:
    wire = said.to_wire()
    writer.write(len(wire).to_bytes(2, "big") + wire)
