"""What a hostile zone can make a look take: every answer and every way has a bound, and the look ends in time."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Iterable

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.dns.scripted import Records, Said, Script, authoritative, over, silent
from tests.adapters.dns.world import CODE, DOMAIN, FIRST, NAME, SECOND, THIRD, missed, unseen, world, zone
from txtproof.adapters.dns.octets import over_udp
from txtproof.adapters.dns_bounds import MOST_OCTETS, MOST_OTHERS, MOST_RECORDS, is_modest
from txtproof.core.decisions import Look
from txtproof.core.observations import Match, Miss, Unseen
from txtproof.core.reasons import Reason

DATAGRAM, STREAM = 60_000, 65_535
"""Octets of the largest answers, with room for the headers of a datagram."""
SOON = 2.0
"""Seconds of this process's time for a look, on a slow machine; the worst of these would take it 15 s and more."""
IN_TIME = 12.0

POOL = [f"127.0.1.{n}" for n in range(1, 41)]
"""More addresses than are asked."""
AT_QUESTION = b"\xc0\x0c"
LONG = b"\x01a" * 126 + b"\0"
"""A name of as many labels as go into one."""

Made = Callable[[int], Iterable[bytes]]
"""Makes records, given where the first of them begins."""


def cut_short(query: dns.message.Message, tcp: bool) -> Said:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.TC
    return answer


def record(owner: bytes, kind: str, data: bytes) -> bytes:
    return owner + struct.pack("!2HIH", dns.rdatatype.from_text(kind), 1, 60, len(data)) + data


def filled(made: Made, most: int) -> Callable[[dns.message.Message, bool], bytes]:
    """Answer with AA and as many of these records as fit."""

    def script(query: dns.message.Message, tcp: bool) -> bytes:
        asked = query.question[0].name.to_digestable() + struct.pack("!2H", query.question[0].rdtype, 1)
        body, count = b"", 0
        for each in made(12 + len(asked)):
            if 12 + len(asked) + len(body) + len(each) > most:
                break
            body, count = body + each, count + 1
        return struct.pack("!6H", query.id, 0x8400, 1, count, 0, 0) + asked + body

    return script


def texts(start: int) -> Iterable[bytes]:
    return (record(AT_QUESTION, "TXT", b"\x02" + n.to_bytes(2)) for n in range(5_000))


def empty_texts(start: int) -> Iterable[bytes]:
    return (record(AT_QUESTION, "TXT", b"\0") for _ in range(5_000))


def long_names(kind: str, before: bytes = b"", names: int = 1, after: bytes = b"") -> Made:
    """Records whose owner and data are long names, each a pointer."""

    def made(start: int) -> Iterable[bytes]:
        to = (0xC000 | start + 2).to_bytes(2)
        yield record(LONG, "A", b"\x7f\0\0\1")
        for n in range(5_000):
            yield record(to, kind, before + bytes((1, n % 256)) + to * names + after)

    return made


def long_owners(start: int) -> Iterable[bytes]:
    to = (0xC000 | start + 4).to_bytes(2)
    yield record(LONG, "A", b"\x7f\0\0\1")
    for n in range(5_000):
        yield record(b"\x02" + n.to_bytes(2) + to, "A", b"\x7f\0\0\1")


def lone(kind: str, data: bytes) -> Made:
    return lambda _: [record(AT_QUESTION, kind, data)]


HEAVY: dict[str, Made] = {
    "texts": texts,
    "empty texts": empty_texts,
    "name servers": long_names("NS"),
    "SOA": long_names("SOA", names=2, after=bytes(20)),
    "MX": long_names("MX", before=b"\0\1"),
    "owners": long_owners,
    "empty strings": lone("TXT", bytes(59_000)),
    "strings": lone("TXT", (b"\xff" + b"x" * 255) * 230),
    "HIP": lone("HIP", b"\x01\x01\0\1aa" + LONG * 230),
    "SVCB": lone("SVCB", b"\0\1\0" + b"".join(struct.pack("!2H", n + 10, 0) for n in range(14_000))),
}


@pytest.mark.parametrize("made", HEAVY.values(), ids=HEAVY)
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_an_answer_as_large_as_can_be_is_soon_dealt_with(made: Made, tcp: bool) -> None:
    script = over(udp=cut_short, tcp=filled(made, STREAM)) if tcp else over(udp=filled(made, DATAGRAM), tcp=cut_short)
    async with world({FIRST: script, SECOND: script}) as w:
        used, begun = time.process_time(), time.monotonic()
        sight = await w.look()
        assert time.process_time() - used < SOON
        assert time.monotonic() - begun < IN_TIME
    assert isinstance(sight, Miss | Unseen), sight
    assert sight.reason in (Reason.OTHER_VALUE, Reason.LAME)


@pytest.mark.parametrize("count", [100, MOST_RECORDS - 2])
async def test_among_hundreds_of_values_the_right_one_is_found(count: int) -> None:
    script = over(udp=cut_short, tcp=zone(*(b"v%d" % n for n in range(count - 1)), CODE))
    async with world({FIRST: script, SECOND: script}) as w:
        sight = await w.look()
    assert isinstance(sight, Match), sight
    assert [one.values for one in sight.servers] == [count] * 2


async def test_more_values_than_are_read_are_no_miss() -> None:
    script = over(udp=cut_short, tcp=zone(*(b"v%d" % n for n in range(MOST_RECORDS)), CODE))
    async with world({FIRST: script, SECOND: script}) as w:
        unseen(await w.look(), Reason.LAME)


async def test_a_name_of_as_many_labels_as_can_be_is_looked_at() -> None:
    deep = ".".join(["a"] * 119 + [DOMAIN])
    script = authoritative({(deep, "TXT"): [f'"{CODE.decode()}"', '"another"']})
    async with world({FIRST: script, SECOND: script}) as w:
        assert isinstance(await w.look(Look(DOMAIN, deep, CODE)), Match)
        missed(await w.look(Look(DOMAIN, f"b{deep[1:]}", CODE)), Reason.NO_SUCH_NAME)


# Octets that are no answer


def broken(change: Callable[[bytes], bytes]) -> Script:
    """Answer with what a change makes of a true answer that lacks the code."""

    def script(query: dns.message.Message, tcp: bool) -> Said:
        said = zone(b"another")(query, tcp)
        assert isinstance(said, dns.message.Message)
        return change(said.to_wire())

    return script


def with_counts(*counts: int) -> Callable[[bytes], bytes]:
    return lambda wire: wire[:4] + struct.pack("!4H", *counts) + wire[12:]


def with_answer(owner: bytes, data: bytes = b"\x01x", length: int | None = None) -> Callable[[bytes], bytes]:
    def change(wire: bytes) -> bytes:
        end = wire.index(b"\0", 12) + 5
        head = wire[:4] + struct.pack("!4H", 1, 1, 0, 0) + wire[12:end]
        return head + owner + struct.pack("!2HIH", 16, 1, 60, len(data) if length is None else length) + data

    return change


def pointing(to: int) -> Callable[[bytes], bytes]:
    """An owner that points so many octets from where it stands."""
    return lambda wire: with_answer(struct.pack("!H", 0xC000 | wire.index(b"\0", 12) + 5 + to))(wire)


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "an id": lambda wire: wire[:2],
    "a header": lambda wire: wire[:12],
    "half": lambda wire: wire[:-3],
    "too much": lambda wire: wire + b"more",
    "the largest": lambda wire: wire + bytes(DATAGRAM - len(wire)),
    "more records than there are": with_counts(1, 9, 0, 0),
    "most records": with_counts(1, 65_535, 65_535, 65_535),
    "most questions": with_counts(65_535, 1, 0, 0),
    "no question": with_counts(0, 1, 0, 0),
    "fewer records than there are": with_counts(1, 0, 0, 0),
    "a pointer to itself": pointing(0),
    "a pointer onwards": pointing(2),
    "a pointer beyond the end": with_answer(b"\xff\xff"),
    "two pointers in a circle": lambda wire: with_answer(
        struct.pack("!2H", 0xC000 | wire.index(b"\0", 12) + 7, 0xC000 | wire.index(b"\0", 12) + 5)
    )(wire),
    "a label of no kind": with_answer(b"\x40x\0"),
    "an extended label": with_answer(b"\x80x\0"),
    "a name too long": with_answer(b"\x3f" + b"x" * 63 + (b"\x3f" + b"x" * 63) * 4 + b"\0"),
    "data beyond the end": with_answer(AT_QUESTION, length=999),
    "no data": with_answer(AT_QUESTION, b""),
    "a string beyond its data": with_answer(AT_QUESTION, b"\xffx"),
}


async def of_broken(script: Script) -> Miss | Match | Unseen:
    async with world({FIRST: script, SECOND: script}) as w:
        return await w.look()


async def test_octets_that_are_no_answer_are_never_a_miss_over_tcp() -> None:
    scripts = [over(udp=cut_short, tcp=broken(one)) for one in BROKEN.values()]
    for word, sight in zip(BROKEN, await asyncio.gather(*map(of_broken, scripts)), strict=True):
        assert isinstance(sight, Unseen), word
        assert sight.reason in (Reason.LAME, Reason.TIMEOUT), word


async def test_octets_that_are_no_answer_are_passed_over_over_udp() -> None:
    scripts = [over(udp=broken(one), tcp=zone(CODE)) for one in BROKEN.values()]
    for word, sight in zip(BROKEN, await asyncio.gather(*map(of_broken, scripts)), strict=True):
        assert isinstance(sight, Match), word


# Ways


async def test_of_the_name_servers_and_addresses_of_a_zone_no_more_than_the_root_has_are_asked_and_kept() -> None:
    names = [f"ns{n:03}.example.test" for n in range(200)]
    public: Records = {(DOMAIN, "NS"): [f"{name}." for name in names], **{(name, "A"): POOL for name in names}}
    async with world(dict.fromkeys(POOL, zone(CODE)), public) as w:
        sight = await w.look()
        assert isinstance(sight, Match)
        assert len(sight.servers) == 26
        assert len(w.resolver.questions("A")) == 13
        walk = w.lookup._walk
        assert all(len(one.value.names) == 13 for one in walk._zones._entries.values())  # type: ignore[union-attr]
        assert all(len(one.value.found) == 26 for one in walk._resolvers._addresses._entries.values())


async def test_of_the_addresses_in_a_referral_no_more_than_the_root_has_are_asked() -> None:
    inner = f"ns.{NAME}"
    parent = authoritative({(NAME, "NS"): [f"{inner}."], (inner, "A"): POOL})
    child = authoritative({(NAME, "TXT"): [f'"{CODE.decode()}"']}, NAME)
    async with world({FIRST: parent, SECOND: parent, **dict.fromkeys(POOL, child)}) as w:
        sight = await w.look()
    assert isinstance(sight, Match)
    assert len(sight.servers) == 26


async def test_aliases_through_zones_of_many_servers_each_are_not_followed_by_a_round_of_hundreds() -> None:
    addresses = POOL[:26]
    zones = [DOMAIN, "b.test", "c.test"]
    public: Records = {
        **{(each, "NS"): [f"ns.{each}."] for each in zones},
        **{(f"ns.{each}", "A"): addresses for each in zones},
    }
    held: Records = {
        (NAME, "CNAME"): ["x.b.test."],
        ("x.b.test", "CNAME"): ["x.c.test."],
        ("x.c.test", "TXT"): [f'"{CODE.decode()}"'],
    }
    script = authoritative(held, "test")
    async with world(dict.fromkeys(addresses, script), public) as w:
        sight = unseen(await w.look(), Reason.CANNOT_SEE)
        assert not any(one.tcp for server in w.servers.values() for one in server.asked)
        assert isinstance(await w.look(Look("b.test", "x.b.test", CODE)), Match), "two of the three are few enough"
    assert "78 servers would have to be asked" in sight.detail


async def test_a_server_that_drips_octets_holds_a_look_up_no_longer_than_one_that_is_silent() -> None:
    public = {(DOMAIN, "NS"): ["ns3.example.test."], ("ns3.example.test", "A"): [THIRD]}

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"\xff\xff")
            while True:
                writer.write(b"\0")
                await writer.drain()
                await asyncio.sleep(0.05)
        except OSError:
            pass
        finally:
            writer.close()

    async with world({FIRST: silent}, public) as w:
        server = await asyncio.start_server(drip, THIRD, w.servers[FIRST].port)
        async with server:
            begun = time.monotonic()
            unseen(await w.look(), Reason.TIMEOUT)
            assert time.monotonic() - begun < IN_TIME


async def test_datagrams_without_end_do_not_keep_the_loop_from_its_other_work() -> None:
    come = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((FIRST, 0))

        def read(_: bytes) -> None:
            nonlocal come
            come += 1
            assert come < 1_000_000, "nothing else has had its turn"
            server.sendto(b"not an answer", asker)  # as in a flood: the next one has always come already

        host, port = server.getsockname()
        asking: asyncio.Task[object] = asyncio.create_task(over_udp(b"question", host, port, read))
        await asyncio.sleep(0)
        _, asker = server.recvfrom(512)
        server.sendto(b"not an answer", asker)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asking
    assert come > 1


# What may be read


@given(st.binary(max_size=600))
def test_whatever_the_octets_weighing_them_raises_nothing(wire: bytes) -> None:
    assert is_modest(wire) in (True, False)


labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
names = st.lists(labels, min_size=1, max_size=8).map(lambda parts: dns.name.from_text(".".join([*parts, "test"])))


@given(names, st.lists(names, min_size=1, max_size=13, unique=True), st.booleans())
def test_what_honest_servers_say_is_modest(name: dns.name.Name, servers: list[dns.name.Name], edns: bool) -> None:
    answer = dns.message.make_response(dns.message.make_query(name, "TXT", use_edns=0 if edns else False))
    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{n}"' for n in range(60))))
    answer.authority.append(dns.rrset.from_text(name, 60, "IN", "NS", *(one.to_text() for one in servers)))
    for one in servers:
        answer.additional.append(dns.rrset.from_text(one, 60, "IN", "A", "192.0.2.1", "192.0.2.2"))
        answer.additional.append(dns.rrset.from_text(one, 60, "IN", "AAAA", "2001:db8::1", "2001:db8::2"))
    assert is_modest(answer.to_wire(max_size=STREAM))


@pytest.mark.parametrize(
    ("records", "modest"),
    [
        ([record(AT_QUESTION, "RRSIG", bytes(200))] * MOST_OTHERS, True),
        ([record(AT_QUESTION, "RRSIG", bytes(200))] * (MOST_OTHERS + 1), False),
        ([record(AT_QUESTION, "RRSIG", bytes(MOST_OCTETS))], True),
        ([record(AT_QUESTION, "RRSIG", bytes(MOST_OCTETS + 1))], False),
        ([record(AT_QUESTION, "A", bytes(4))] * MOST_RECORDS, True),
        ([record(AT_QUESTION, "A", bytes(4))] * (MOST_RECORDS + 1), False),
        ([record(LONG, "A", bytes(4))] * 6, True),
        ([record(LONG, "A", bytes(4))] * 7, False),
    ],
)
def test_the_bounds_are_where_they_say(records: list[bytes], modest: bool) -> None:
    wire = filled(lambda _: records, STREAM)(dns.message.make_query("a.test", "TXT"), True)
    assert is_modest(wire) is modest
