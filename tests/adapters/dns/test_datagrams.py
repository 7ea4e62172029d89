"""Questions over shared sockets: who may answer, how many wait, and how the waiting ends."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from txtproof.adapters.dns import peers, sockets
from txtproof.adapters.dns.datagrams import Datagrams, Silence, Waiting

HOME = "127.0.0.1"
LATE, WITHIN = 0.3, 1.0


class Peer(asyncio.DatagramProtocol):
    """An address that keeps what comes, and answers when it is told to."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self._answer = answer
        self.asked: list[tuple[bytes, tuple[str, int]]] = []
        self.transport: asyncio.DatagramTransport | None = None
        self._came = asyncio.Event()

    async def has_come(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.asked) < count:
                self._came.clear()
                await self._came.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked.append((data, addr))
        self._came.set()
        answer = self._answer(data)
        if answer is not None:
            self.say(answer, addr)

    def say(self, octets: bytes, to: tuple[str, int]) -> None:
        assert self.transport is not None
        self.transport.sendto(octets, to)

    @property
    def port(self) -> int:
        assert self.transport is not None
        port: int = self.transport.get_extra_info("sockname")[1]
        return port


@asynccontextmanager
async def peer(answer: Callable[[bytes], bytes | None] = lambda _: None, address: str = HOME) -> AsyncIterator[Peer]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Peer(answer), local_addr=(address, 0)
    )
    try:
        yield protocol
    finally:
        transport.close()


def echo(octets: bytes) -> bytes:
    return octets


def payload(_: bytes, octets: bytes) -> bytes | None:
    """What comes after the id, where it is not garbage."""
    return None if octets[2:].startswith(b"garbage") else octets[2:]


@pytest.fixture
async def asking() -> AsyncIterator[Datagrams[bytes]]:
    asking: Datagrams[bytes] = Datagrams(payload, LATE, WITHIN)
    yield asking
    asking.close()


async def ended(waiting: Waiting[bytes]) -> bytes | Silence:
    said = await waiting.said
    return await waiting.said if said is Silence.LATE else said


async def test_each_of_many_questions_gets_its_own_answer_by_few_sockets(asking: Datagrams[bytes]) -> None:
    questions = [b"question %d" % n for n in range(600)]
    async with peer(echo) as there:
        put = [asking.put(one, HOME, there.port) for one in questions]
        assert [await ended(one) for one in put] == questions
    assert len({data[:2] for data, _ in there.asked}) > 1, "ids differ"
    assert len({addr for _, addr in there.asked}) <= 1 + 600 // sockets.MOST_WAITING


@pytest.mark.parametrize("address", ["::1", "0:0:0:0:0:0:0:1"])
async def test_ipv6_is_answered_however_the_address_is_written(asking: Datagrams[bytes], address: str) -> None:
    async with peer(echo, "::1") as there:
        assert await ended(asking.put(b"question", address, there.port)) == b"question"


async def test_only_who_was_asked_can_answer(asking: Datagrams[bytes]) -> None:
    async with peer() as there, peer() as other, peer(address="127.0.0.2") as elsewhere:
        waiting = asking.put(b"question", HOME, there.port)
        await there.has_come(1)
        asked, source = there.asked[0]
        for stranger in (other, elsewhere):
            stranger.say(asked[:2] + b"forged", source)
        another_id = bytes((asked[0], asked[1] ^ 1))
        for wrong in (another_id + b"forged", asked[:2] + b"garbage", asked[:1], b""):
            there.say(wrong, source)
        there.say(asked[:2] + b"true", source)
        there.say(asked[:2] + b"too late", source)
        assert await ended(waiting) == b"true"


async def test_an_answer_to_one_socket_is_none_to_what_left_by_another(
    asking: Datagrams[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "MOST_WAITING", 1)
    async with peer() as there:
        waiting = asking.put(b"one", HOME, there.port)
        asking.put(b"two", HOME, there.port)
        await there.has_come(2)
        (first, _), (_, other) = there.asked
        there.say(first[:2] + b"to the other socket", other)
        assert await ended(waiting) is Silence.OVER


async def test_silence_is_told_twice_and_an_answer_after_the_first_time_still_counts(asking: Datagrams[bytes]) -> None:
    async with peer() as there:
        dumb, slow = (asking.put(b"question", HOME, there.port) for _ in range(2))
        assert list(await asyncio.gather(dumb.said, slow.said)) == [Silence.LATE, Silence.LATE]
        octets, source = there.asked[1]
        there.say(octets, source)
        assert await slow.said == b"question"
        assert await dumb.said is Silence.OVER
        again = asking.put(b"again", HOME, there.port)
        assert await again.said is Silence.LATE, "the alarm is set anew"


async def test_what_cannot_be_sent_is_over_at_once(asking: Datagrams[bytes]) -> None:
    waiting = asking.put(b"question", HOME, 0)
    assert await waiting.said is Silence.OVER
    assert not asking._peers


async def test_no_more_are_under_way_to_one_address_than_it_can_take(
    asking: Datagrams[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "MOST_PER_PEER", 3)
    monkeypatch.setattr(peers, "MOST_FAR_AWAY", 3)
    async with peer() as there, peer(echo) as other:
        put = [asking.put(b"%d" % n, HOME, there.port) for n in range(8)]
        assert await ended(asking.put(b"elsewhere", HOME, other.port)) == b"elsewhere"
        await there.has_come(3)
        assert [data[2:] for data, _ in there.asked] == [b"0", b"1", b"2"]
        put[3].said.cancel()
        for place in (0, 1):
            there.say(*there.asked[place])
        assert [await ended(one) for one in put[:2]] == [b"0", b"1"]
        await there.has_come(5)
        assert [data[2:] for data, _ in there.asked[3:]] == [b"4", b"5"], "nobody waits for 3 any more"
        assert [await ended(one) for one in (put[2], *put[4:])] == [Silence.OVER] * 5
        last = asking.put(b"last", HOME, there.port)
        await there.has_come(6)
        assert there.asked[5][0][2:] == b"last", "who has waited too long is not sent in the place of another"
        last.said.cancel()
        asking.close()
    assert not asking._peers
    assert not any(way.sent for way in asking._sockets.open)


async def test_more_are_under_way_to_an_address_far_away_the_more_it_answers_until_one_is_late(
    asking: Datagrams[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "MOST_PER_PEER", 2)
    # by which every way is a long one
    monkeypatch.setattr(peers, "MOST_PER_SECOND", 10**9)
    async with peer() as there:
        put = [asking.put(b"%d" % n, HOME, there.port) for n in range(9)]
        await there.has_come(2)
        for place in range(2):
            there.say(*there.asked[place])
        assert [await ended(one) for one in put[:2]] == [b"0", b"1"]
        await there.has_come(6)
        assert len(there.asked) == 6, "each answer made room for one more"
        assert await put[2].said is Silence.LATE
        assert asking._peers[HOME, there.port].room == 2
        asking.close()


def test_what_is_late_halves_the_room_once_for_all_that_had_been_sent_by_then() -> None:
    there: peers.Peer[object] = peers.Peer(HOME, 53)
    there.room = 1000
    for sent in (1.0, 1.2, 1.4):
        there.is_late(sent, 1.5)
    assert there.room == 500
    there.is_late(1.4, 1.9)
    assert there.room == 500
    for sent in range(2, 9):
        there.is_late(sent, sent + 0.5)
    assert there.room == peers.MOST_PER_PEER


async def test_sockets_are_replaced_after_a_while(asking: Datagrams[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MOST_ASKED", 2)
    async with peer(echo) as there:
        for _ in range(6):
            await ended(asking.put(b"question", HOME, there.port))
        assert len({source for _, source in there.asked}) == 3
        monkeypatch.setattr(sockets, "LONGEST_OPEN", 0)
        for _ in range(2):
            await ended(asking.put(b"question", HOME, there.port))
        assert len({source for _, source in there.asked}) == 5
    assert len(asking._sockets._ways[socket.AF_INET]) == 1, "the old ones are closed"


async def test_closing_ends_the_waiting_and_closes_every_socket() -> None:
    asking: Datagrams[bytes] = Datagrams(payload, LATE, WITHIN)
    async with peer() as there:
        late = asking.put(b"question", HOME, there.port)
        assert await late.said is Silence.LATE
        put = [late, *(asking.put(b"question", HOME, there.port) for _ in range(300))]
        open_ones = [way.socket for way in asking._sockets._ways[socket.AF_INET]]
        asking.close()
    assert len(open_ones) == 1
    assert [one.said.result() for one in put] == [Silence.OVER] * 301
    assert {one.fileno() for one in open_ones} == {-1}
