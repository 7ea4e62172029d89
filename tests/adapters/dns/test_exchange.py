"""One question to one address, against servers that behave and servers that do not."""

import asyncio
import errno
import time
from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

from tests.adapters.dns.scripted import Said, Script, Server, authoritative, over, saying, serving, silent
from txtproof.adapters.dns.exchange import Exchange, Reply
from txtproof.adapters.dns.question import SOA_IN, question
from txtproof.core.reasons import Reason

NAME = dns.name.from_text("_verify.example.test")
HOME = "127.0.0.1"
GOOD = authoritative({("_verify.example.test", "TXT"): ['"the code"']})
QUICK = 0.3
"""Seconds, where the limit itself is what is waited for."""


async def put(server: Server, *, tcp: bool = False, within: float = 5.0) -> Reply:
    return await Exchange(within, within).ask(NAME, dns.rdatatype.TXT, server.address, server.port, tcp=tcp)


def text(reply: Reply) -> list[str]:
    assert reply.message is not None
    return [rdata.to_text() for rrset in reply.message.answer for rdata in rrset]


def transports(server: Server) -> list[str]:
    return ["tcp" if one.tcp else "udp" for one in server.asked]


async def test_a_question_goes_out_over_udp_with_edns_and_without_recursion() -> None:
    async with serving({HOME: GOOD}) as at:
        assert text(await put(at[HOME])) == ['"the code"']
    (asked,) = at[HOME].asked
    assert (asked.tcp, asked.edns, asked.payload, asked.recursion) == (False, 0, 1232, False)


async def test_a_resolver_is_asked_to_recurse() -> None:
    async with serving({HOME: GOOD}) as at:
        await Exchange().ask(NAME, dns.rdatatype.NS, HOME, at[HOME].port, recurse=True)
    assert at[HOME].asked[0].recursion


async def test_over_tcp_alone_no_datagram_is_sent() -> None:
    async with serving({HOME: GOOD}) as at:
        assert text(await put(at[HOME], tcp=True)) == ['"the code"']
    assert transports(at[HOME]) == ["tcp"]


async def test_ids_and_source_ports_differ_from_question_to_question() -> None:
    async with serving({HOME: GOOD}) as at:
        for _ in range(12):
            await put(at[HOME])
    assert len({one.id for one in at[HOME].asked}) > 8
    assert len({one.source for one in at[HOME].asked}) > 8


def cut_short(query: dns.message.Message, tcp: bool) -> Said:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.TC | dns.flags.AA
    return answer


def other_id(query: dns.message.Message, tcp: bool) -> Said:
    answer = GOOD(query, tcp)
    assert isinstance(answer, dns.message.Message)
    answer.id = (query.id + 1) % 65536
    return answer


def other_question(query: dns.message.Message, tcp: bool) -> Said:
    other = dns.message.make_query("other.example.test", dns.rdatatype.TXT, id=query.id)
    answer = dns.message.make_response(other)
    answer.flags |= dns.flags.AA
    return answer


def other_type(query: dns.message.Message, tcp: bool) -> Said:
    return dns.message.make_response(dns.message.make_query(query.question[0].name, dns.rdatatype.A, id=query.id))


def the_question_itself(query: dns.message.Message, tcp: bool) -> Said:
    return query


def garbage(query: dns.message.Message, tcp: bool) -> Said:
    return query.id.to_bytes(2, "big") + b"\x84\x00\x00\x01\xff\xff\x00\x00\x00\x00" + b"\xc0\x0c" * 40


def nothing_but_an_id(query: dns.message.Message, tcp: bool) -> Said:
    return query.id.to_bytes(2, "big")


def no_octet(query: dns.message.Message, tcp: bool) -> Said:
    return b""


def half_an_answer(query: dns.message.Message, tcp: bool) -> Said:
    answer = GOOD(query, tcp)
    assert isinstance(answer, dns.message.Message)
    return answer.to_wire()[:-5]


def trailing_octets(query: dns.message.Message, tcp: bool) -> Said:
    answer = GOOD(query, tcp)
    assert isinstance(answer, dns.message.Message)
    return answer.to_wire() + b"and more"


HOSTILE = [
    other_id,
    other_question,
    other_type,
    the_question_itself,
    garbage,
    nothing_but_an_id,
    no_octet,
    half_an_answer,
    trailing_octets,
]
hostile = pytest.mark.parametrize("script", HOSTILE, ids=lambda script: script.__name__)


async def test_an_answer_that_was_cut_short_is_asked_for_again_over_tcp() -> None:
    async with serving({HOME: over(udp=cut_short, tcp=GOOD)}) as at:
        assert text(await put(at[HOME])) == ['"the code"']
    assert transports(at[HOME]) == ["udp", "tcp"]


async def test_after_silence_over_udp_tcp_is_tried() -> None:
    async with serving({HOME: over(udp=silent, tcp=GOOD)}) as at:
        reply = await put(at[HOME], within=QUICK)
    assert text(reply) == ['"the code"']
    assert reply.took_ms >= QUICK * 1000


@hostile
async def test_what_does_not_answer_the_question_over_udp_is_passed_over(script: Script) -> None:
    async with serving({HOME: over(udp=script, tcp=GOOD)}) as at:
        assert text(await put(at[HOME], within=QUICK)) == ['"the code"']
    assert transports(at[HOME]) == ["udp", "tcp"]


@hostile
async def test_what_does_not_answer_the_question_over_tcp_is_no_answer(script: Script) -> None:
    async with serving({HOME: script}) as at:
        reply = await put(at[HOME], tcp=True, within=QUICK)
    assert reply.message is None
    assert reply.failure in (Reason.LAME, Reason.TIMEOUT)


async def test_an_answer_that_is_cut_short_over_tcp_too_is_no_answer() -> None:
    async with serving({HOME: cut_short}) as at:
        reply = await put(at[HOME])
    assert (reply.message, reply.failure) == (None, Reason.LAME)


async def test_silence_over_both_ends_in_time_as_a_timeout() -> None:
    begun = time.monotonic()
    async with serving({HOME: silent}) as at:
        reply = await put(at[HOME], within=QUICK)
    assert (reply.message, reply.failure) == (None, Reason.TIMEOUT)
    assert time.monotonic() - begun < 2 * QUICK + 2


async def test_where_nobody_listens_that_is_known_at_once() -> None:
    async with serving({HOME: GOOD}) as at:
        pass
    begun = time.monotonic()
    reply = await put(at[HOME], within=20)
    assert (reply.message, reply.failure) == (None, Reason.TIMEOUT)
    assert time.monotonic() - begun < 5


async def test_octets_that_drip_get_no_more_time() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"\xff\xff")
            while True:
                writer.write(b"\0")
                await writer.drain()
                await asyncio.sleep(QUICK / 10)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, HOME, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        begun = time.monotonic()
        reply = await Exchange(QUICK, QUICK).ask(NAME, dns.rdatatype.TXT, HOME, port, tcp=True)
        took = time.monotonic() - begun
    assert reply.failure is Reason.TIMEOUT
    assert took < QUICK + 2


async def test_a_connection_that_is_closed_without_an_answer_is_silence() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)
        await reader.read(512)
        writer.close()

    server = await asyncio.start_server(hang_up, HOME, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reply = await Exchange().ask(NAME, dns.rdatatype.TXT, HOME, port, tcp=True)
    assert (reply.message, reply.failure) == (None, Reason.TIMEOUT)
    assert reply.took_ms < 2000


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS])
@pytest.mark.parametrize("tcp", [False, True])
async def test_a_server_from_before_edns_is_asked_once_more_without(rcode: dns.rcode.Rcode, tcp: bool) -> None:
    def old(query: dns.message.Message, tcp: bool) -> Said:
        return saying(rcode)(query, tcp) if query.edns >= 0 else GOOD(query, tcp)

    async with serving({HOME: old}) as at:
        assert text(await put(at[HOME], tcp=tcp)) == ['"the code"']
    assert [one.edns for one in at[HOME].asked] == [0, -1]
    assert len({one.source for one in at[HOME].asked}) == 2


async def test_formerr_with_and_without_edns_is_the_answer() -> None:
    async with serving({HOME: saying(dns.rcode.FORMERR)}) as at:
        reply = await put(at[HOME])
    assert reply.message is not None
    assert reply.message.rcode() == dns.rcode.FORMERR
    assert len(at[HOME].asked) == 2


def bare_formerr(query: dns.message.Message, tcp: bool) -> Said:
    return query.id.to_bytes(2, "big") + b"\x80\x01" + bytes(8)


async def test_formerr_without_a_question_is_understood() -> None:
    script: Script = lambda query, tcp: (bare_formerr if query.edns >= 0 else GOOD)(query, tcp)  # noqa: E731
    async with serving({HOME: script}) as at:
        assert text(await put(at[HOME])) == ['"the code"']


async def test_an_answer_of_sixty_thousand_octets_is_read() -> None:
    many = authoritative({("_verify.example.test", "TXT"): [f'"{n:05}{"x" * 240}"' for n in range(230)]})
    async with serving({HOME: over(udp=cut_short, tcp=many)}) as at:
        assert len(text(await put(at[HOME]))) == 230


async def test_being_cancelled_passes_through() -> None:
    async with serving({HOME: silent}) as at:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(QUICK):
                await put(at[HOME], within=60)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (errno.EMFILE, Reason.CANNOT_SEE),
        (errno.ENFILE, Reason.CANNOT_SEE),
        (errno.ENETUNREACH, Reason.TIMEOUT),
        (errno.EHOSTUNREACH, Reason.TIMEOUT),
        (errno.ECONNRESET, Reason.TIMEOUT),
    ],
)
async def test_a_lack_of_sockets_here_is_not_taken_for_a_server_that_is_down(
    code: int, failure: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the loop's own call, since to use up every file descriptor would disturb the other tests
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", _raising(code))
    reply = await Exchange().ask(NAME, dns.rdatatype.TXT, HOME, 53)
    assert (reply.message, reply.failure) == (None, failure)


def _raising(code: int) -> Callable[..., object]:
    async def sock_connect(*_: object) -> None:
        raise OSError(code, "as the system says it")

    return sock_connect


# Two questions by one connection


ASKED = question(NAME.labels[:-1]), question(NAME.labels[:-1], SOA_IN)


async def together(exchange: Exchange, address: str, port: int, within: float | None = None) -> list[bytes | Reason]:
    """Put both questions to one address."""
    (replies,) = await exchange.ask_together(ASKED, [address], port, within)
    return list(replies.messages)


async def put_both(server: Server, within: float = 5.0) -> list[bytes | Reason]:
    exchange = Exchange(within, within)
    try:
        return await together(exchange, server.address, server.port)
    finally:
        exchange.close()


async def test_questions_go_together_and_each_has_its_answer() -> None:
    async with serving({HOME: GOOD}) as at:
        text, soa = await put_both(at[HOME])
    assert isinstance(text, bytes)
    assert isinstance(soa, bytes)
    assert dns.message.from_wire(text).answer[0].rdtype == dns.rdatatype.TXT
    assert dns.message.from_wire(soa).authority[0].rdtype == dns.rdatatype.SOA
    first, second = at[HOME].asked
    assert (first.kind, second.kind, first.source == second.source) == ("TXT", "SOA", True)
    assert first.id != second.id


async def test_answers_may_come_in_any_order_and_in_pieces() -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = []
        for _ in ASKED:
            wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            said = GOOD(dns.message.from_wire(wire), True)
            assert isinstance(said, dns.message.Message)
            answers.append(said.to_wire())
        for octet in b"".join(len(one).to_bytes(2, "big") + one for one in reversed(answers)):
            writer.write(bytes((octet,)))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(converse, HOME, 0)
    async with server:
        text, soa = await put_both(Server(HOME, server.sockets[0].getsockname()[1], GOOD))
    assert isinstance(text, bytes)
    assert isinstance(soa, bytes)
    assert dns.message.from_wire(text).answer[0].rdtype == dns.rdatatype.TXT
    assert dns.message.from_wire(soa).authority[0].rdtype == dns.rdatatype.SOA


async def test_what_a_connection_ends_before_is_lame() -> None:
    async with serving({HOME: GOOD}) as at:
        at[HOME].answers = 1
        text, soa = await put_both(at[HOME])
    assert soa is Reason.LAME
    assert isinstance(text, bytes) or text is Reason.LAME


@hostile
async def test_whatever_comes_back_is_a_value(script: Script) -> None:
    async with serving({HOME: script}) as at:
        for one in await put_both(at[HOME], QUICK):
            assert isinstance(one, bytes) or one in (Reason.LAME, Reason.TIMEOUT)


async def test_silence_to_both_is_a_timeout() -> None:
    async with serving({HOME: silent}) as at:
        assert await put_both(at[HOME], QUICK) == [Reason.TIMEOUT] * 2


async def test_a_closed_port_is_a_timeout_at_once() -> None:
    async with serving({HOME: GOOD}) as at:
        pass
    assert await put_both(at[HOME], 20) == [Reason.TIMEOUT] * 2


async def test_a_lack_of_sockets_is_no_word_about_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", _raising(errno.EMFILE))
    assert await together(Exchange(), HOME, 53) == [Reason.CANNOT_SEE] * 2
