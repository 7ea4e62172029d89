"""The short way to read an answer, held against the long one: it says exactly the same, or nothing."""

import struct
from typing import TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.asking import understood
from txtproof.adapters.dns.datagrams import Silence
from txtproof.adapters.dns.exchange import NO_EDNS, Reply
from txtproof.adapters.dns.question import NS_IN, PAYLOAD, SOA_IN, question, question_for, section
from txtproof.adapters.dns.short_path import NameServers, Plain, read, read_name_servers
from txtproof.adapters.dns.verdict import Answer

T = TypeVar("T")
Asked = tuple[bytes, bytes]
"""A question section, and an answer."""

TEXT = "_verify.sub.Example.test"
NAME = dns.name.from_text(TEXT)
ORIGIN = dns.name.from_text("example.test")
QUESTION = question(NAME.labels[:-1])
ASKED = section(QUESTION)
ASKED_SOA = section(question(NAME.labels[:-1], SOA_IN))
ASKED_NS = section(question(NAME.labels[:-1], NS_IN))
NUMBERS = "7 3600 600 86400 60"
SOA = f"{ORIGIN} 60 IN SOA ns1.{ORIGIN} hostmaster.{ORIGIN} {NUMBERS}"


def wire(*records: str, flags: int = dns.flags.QR | dns.flags.AA, rcode: int = 0, edns: bool = True) -> bytes:
    """Write an answer; each record begins with its section: `answer`, `authority` or `additional`."""
    query = dns.message.make_query(NAME, "TXT", id=1, flags=0)
    message = dns.message.Message(id=1)
    message.flags = dns.flags.Flag(flags)
    message.question = query.question
    if edns:
        message.use_edns(0, payload=PAYLOAD)
    message.set_rcode(dns.rcode.Rcode(rcode))
    for record in records:
        part, owner, ttl, *rest = record.split(maxsplit=5)
        getattr(message, part).append(dns.rrset.from_text(owner, int(ttl), *rest))
    return message.to_wire()


def long_way(octets: bytes, asked: bytes) -> tuple[Answer, int | None]:
    """Read as dnspython does, and where the zone begins; what it does not take for an answer is an error."""
    message = dns.message.from_wire(octets, raise_on_truncation=True)
    query = dns.message.make_query(
        NAME, "SOA" if asked == ASKED_SOA else "TXT", id=struct.unpack_from("!H", octets)[0], flags=0
    )
    assert query.is_response(message)
    assert message.rcode() not in NO_EDNS
    assert reading.referral(message, NAME, dns.name.root) is None
    assert reading.alias(message, NAME) is None
    answer = reading.answer("ns", "address", Reply(message), NAME)
    own = any(one.rdtype == dns.rdatatype.SOA and one.name == NAME for one in message.answer)
    apex = NAME if own else reading.apex(message, NAME)
    if apex is None or answer.serial is None or answer.rcode not in ("NOERROR", "NXDOMAIN"):
        return answer, None
    return answer, len(NAME.to_wire() or b"") - len(apex.to_wire() or b"")


def agreed(octets: bytes, asked: bytes = ASKED) -> Plain | None:
    """Read the short way; where that brings something, it must be what the long way brings."""
    plain = read(octets, asked)
    if plain is not None:
        shown = Answer(
            "ns",
            "address",
            rcode=plain.rcode,
            authoritative=plain.authoritative,
            values=plain.values,
            serial=plain.serial,
            recursive=plain.recursive,
        )
        assert (shown, plain.apex) == long_way(octets, asked)
    return plain


def agreed_servers(octets: bytes) -> NameServers | None:
    """Read what a resolver says of name servers the short way; it must be what the long way brings."""
    found = read_name_servers(octets, ASKED_NS)
    if found is None:
        return None
    message = dns.message.from_wire(octets, raise_on_truncation=True)
    query = dns.message.make_query(NAME, "NS", id=struct.unpack_from("!H", octets)[0], flags=0)
    assert query.is_response(message)
    assert message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
    rrset = reading.name_servers(message, NAME)
    if rrset is None:
        apex = reading.apex(message, NAME)
        assert apex is not None
        assert found == NameServers((), apex=len(NAME.to_wire() or b"") - len(apex.to_wire() or b""))
        assert reading.plain(NAME)[found.apex :] == reading.plain(apex)
    else:
        names = tuple(dict.fromkeys(map(reading.plain, reading.targets(rrset))))
        assert found == NameServers(names, rrset.ttl, glue=any(reading.addresses(message.additional)))
    return found


# The question


@given(st.text(alphabet="abcXYZ019-_", min_size=1, max_size=63), st.integers(0, 5))
def test_the_question_is_the_one_that_dnspython_asks(label: str, more: int) -> None:
    name = ".".join([label[:20], *["x" * 30] * more, label])
    asked = dns.message.make_query(name, "TXT", id=0xABCD, flags=0, use_edns=0, payload=PAYLOAD).to_wire()
    assert b"\xab\xcd" + question(dns.name.from_text(name).labels[:-1]) == asked
    assert question_for(name) == asked[2:]


def test_a_resolver_is_asked_to_recurse() -> None:
    asked = dns.message.make_query(NAME, "NS", id=0xABCD, use_edns=0, payload=PAYLOAD).to_wire()
    assert question_for(TEXT, NS_IN, recurse=True) == asked[2:]


def test_the_question_for_the_soa_is_the_one_that_dnspython_asks() -> None:
    asked = dns.message.make_query(NAME, "SOA", id=0xABCD, flags=0, use_edns=0, payload=PAYLOAD).to_wire()
    assert b"\xab\xcd" + question(NAME.labels[:-1], SOA_IN) == asked


@pytest.mark.parametrize("rcode", [0, 3])
@pytest.mark.parametrize("aa", [0, dns.flags.AA])
def test_an_answer_to_the_question_for_the_soa_has_the_same_serial_both_ways(rcode: int, aa: int) -> None:
    octets = wire(f"authority {SOA}", flags=dns.flags.QR | aa, rcode=rcode).replace(ASKED, ASKED_SOA)
    plain = agreed(octets, ASKED_SOA)
    assert plain is not None
    assert (plain.serial, plain.apex) == ((7, 12) if aa else (None, None))


def test_a_failure_says_nothing_of_where_the_zone_is() -> None:
    assert agreed(wire(f"authority {SOA}", rcode=2)) == Plain("SERVFAIL", True, (), 7)


def test_the_soa_at_the_name_itself_is_read_where_it_was_asked_for() -> None:
    there = wire(f"answer {NAME} 60 IN SOA ns1.{ORIGIN} hostmaster.{ORIGIN} {NUMBERS}")
    assert agreed(there) is None
    plain = agreed(there.replace(ASKED, ASKED_SOA), ASKED_SOA)
    assert plain == Plain("NOERROR", True, (), 7, apex=0)
    above = wire(f"answer {SOA}").replace(ASKED, ASKED_SOA)
    assert read(above, ASKED_SOA) is None, "that of the zone above answers nothing"
    both_of_them = made(answer=soa(TO_HERE) * 2).replace(ASKED, ASKED_SOA).replace(b"\0\1\0\0\0\0", b"\0\2\0\0\0\0", 1)
    assert read(both_of_them, ASKED_SOA) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "x" * 64,
        ".".join(["x" * 62] * 5),
        "a b.test",
        "a\\046b",
        "\u00e4.test",
        "a\n",
        "*.a",
    ],
)
def test_a_name_that_is_not_plain_is_left_to_others(name: str) -> None:
    assert question_for(name) is None


# Answers


@pytest.mark.parametrize("rcode", [0, 3])
def test_what_is_not_there_is_read_with_the_serial(rcode: int) -> None:
    plain = agreed(wire(f"authority {SOA}", rcode=rcode))
    assert plain == Plain(dns.rcode.to_text(dns.rcode.Rcode(rcode)), True, (), 7, apex=12)


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (['"code"'], (b"code",)),
        (['"co" "de"', '"code"'], (b"code", b"code")),
        (['""'], (b"",)),
        (['"" ""', '"\\000\\255"'], (b"", b"\x00\xff")),
        ([f'"{"x" * 255}" "{"y" * 255}" "z"'], (b"x" * 255 + b"y" * 255 + b"z",)),
    ],
)
@pytest.mark.parametrize("edns", [True, False])
def test_values_are_read_joined(texts: list[str], values: tuple[bytes, ...], edns: bool) -> None:
    records = [f"answer {NAME} 60 IN TXT {text}" for text in texts]
    assert agreed(wire(*records, edns=edns)) == Plain("NOERROR", True, values, None)


def test_the_name_servers_that_come_along_are_passed_over() -> None:
    records = [
        f'answer {NAME} 60 IN TXT "v=spf1 -all"',
        f"authority {ORIGIN} 60 IN NS ns1.{ORIGIN}",
        f"authority {ORIGIN} 60 IN NS ns.provider.test.",
        f"additional ns1.{ORIGIN} 60 IN A 192.0.2.1",
        f"additional ns1.{ORIGIN} 60 IN AAAA 2001:db8::1",
    ]
    assert agreed(wire(*records)) == Plain("NOERROR", True, (b"v=spf1 -all",), None)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOERROR", "NXDOMAIN"])
@pytest.mark.parametrize("flags", [dns.flags.QR, dns.flags.QR | dns.flags.AA | dns.flags.RA | dns.flags.RD])
def test_a_bare_answer_is_read(rcode: str, flags: int) -> None:
    plain = agreed(wire(flags=flags, rcode=dns.rcode.from_text(rcode)))
    assert plain == Plain(rcode, bool(flags & dns.flags.AA), (), None, bool(flags & dns.flags.RA))


def test_the_same_record_twice_counts_once() -> None:
    once = wire(f'answer {NAME} 60 IN TXT "code"', edns=False)
    record = once[12 + len(ASKED) :]
    twice = once[:6] + b"\0\2" + once[8:] + record
    assert agreed(twice) == Plain("NOERROR", True, (b"code",), None)


def test_without_aa_no_serial_is_taken() -> None:
    assert agreed(wire(f"authority {SOA}", flags=dns.flags.QR)) == Plain("NOERROR", False, (), None)


DECLINED = {
    "no QR": wire(flags=dns.flags.AA),
    "another opcode": wire(flags=dns.flags.QR | 0x2000),
    "TC": wire(flags=dns.flags.QR | dns.flags.AA | dns.flags.TC),
    **{code: wire(rcode=dns.rcode.from_text(code)) for code in ("FORMERR", "NOTIMP", "NOTAUTH", "YXDOMAIN")},
    "BADVERS": wire(rcode=dns.rcode.BADVERS),
    "a referral": wire(f"authority sub.{ORIGIN} 60 IN NS ns1.{ORIGIN}", flags=dns.flags.QR),
    "a referral with AA": wire(f"authority sub.{ORIGIN} 60 IN NS ns1.{ORIGIN}"),
    "SOA and NS": wire(f"authority {SOA}", f"authority {ORIGIN} 60 IN NS ns1.{ORIGIN}"),
    "an alias": wire(f"answer {NAME} 60 IN CNAME proof.test."),
    "an alias and its end": wire(f"answer {NAME} 60 IN CNAME proof.test.", 'answer proof.test. 60 IN TXT "code"'),
    "DNAME": wire(f"answer {ORIGIN} 60 IN DNAME provider.test."),
    "another owner": wire(f'answer {ORIGIN} 60 IN TXT "code"'),
    "another class": wire(f'answer {NAME} 60 CH TXT "code"'),
    "another type": wire(f"answer {NAME} 60 IN A 192.0.2.1"),
    "the SOA of a zone elsewhere": wire(f"authority test.test. 60 IN SOA a. b. {NUMBERS}"),
    "the SOA of a zone below": wire(f"authority a.{NAME} 60 IN SOA a. b. {NUMBERS}"),
    "SOA in the answer": wire(f"answer {SOA}"),
    "what is not expected beside it": wire(f'answer {NAME} 60 IN TXT "code"', "additional a.test. 60 IN MX 1 b.test."),
    "more behind it": wire() + b"\0",
    "too short": wire()[:-1],
    "nothing": b"",
    "the id alone": b"\0\1",
}


@pytest.mark.parametrize("octets", DECLINED.values(), ids=DECLINED)
def test_what_is_not_plain_is_declined(octets: bytes) -> None:
    assert read(octets, ASKED) is None


def test_an_answer_to_another_question_is_none() -> None:
    for other in ("_verify.sub.example.test", "_verify.sub.Example.tesu"):
        assert understood(question(dns.name.from_text(other).labels[:-1]), wire()) is None
    assert isinstance(understood(QUESTION, wire()), Plain)


def test_what_dnspython_reads_is_handed_to_it() -> None:
    read_at_length = understood(QUESTION, DECLINED["an alias"])
    assert isinstance(read_at_length, dns.message.Message)
    assert reading.alias(read_at_length, NAME) == dns.name.from_text("proof.test")
    bare = b"\0\1" + struct.pack("!5H", 0x8001, 0, 0, 0, 0)
    refusing = understood(QUESTION, bare)
    assert isinstance(refusing, dns.message.Message), "from before EDNS: it may not even echo the question"
    assert refusing.rcode() == dns.rcode.FORMERR


def test_what_is_cut_short_is_to_be_had_over_tcp() -> None:
    assert understood(QUESTION, DECLINED["TC"]) is Silence.CUT
    assert understood(QUESTION, DECLINED["TC"][:-4]) is Silence.CUT


@pytest.mark.parametrize("name", ["no QR", "another opcode", "more behind it", "too short", "nothing", "the id alone"])
def test_what_is_no_answer_does_not_count(name: str) -> None:
    assert understood(QUESTION, DECLINED[name]) is None


FROM_A_RESOLVER = dns.flags.QR | dns.flags.RD | dns.flags.RA


def resolved(*records: str, rcode: int = 0) -> bytes:
    return wire(*records, flags=FROM_A_RESOLVER, rcode=rcode).replace(ASKED, ASKED_NS)


def test_name_servers_are_read_in_the_order_of_their_names() -> None:
    octets = resolved(
        f"answer {NAME} 60 IN NS ns2.a.test.",
        f"answer {NAME} 60 IN NS NS1.b.test.",
        f"answer {NAME} 60 IN NS ns1.{NAME}",
        f"answer {NAME} 60 IN NS x-1_y.a.test.",
        f"additional ns1.{NAME} 60 IN A 192.0.2.1",
    )
    names = ("ns2.a.test", "x-1_y.a.test", "ns1.b.test", "ns1._verify.sub.example.test")
    assert agreed_servers(octets) == NameServers(names, 60, glue=True)


@pytest.mark.parametrize("rcode", [0, 3])
def test_where_there_are_none_the_zone_is_read(rcode: int) -> None:
    assert agreed_servers(resolved(f"authority {SOA}", rcode=rcode)) == NameServers((), apex=12)


@pytest.mark.parametrize(
    "octets",
    [
        resolved(f"authority {SOA}", rcode=2),
        resolved(f"answer {NAME} 60 IN NS ns1.a.test.", rcode=3),
        resolved(f"answer {NAME} 60 IN NS ns1.a.test.", f"answer {NAME} 60 IN TXT x"),
        resolved(f"answer {ORIGIN} 60 IN NS ns1.a.test."),
        resolved(f"answer {NAME} 60 IN NS ."),
        resolved(f"answer {NAME} 60 IN NS a\\.b.test."),
        resolved(f"answer {NAME} 60 IN NS \\228.test."),
        resolved(f"answer {NAME} 60 IN CNAME a.test."),
        resolved(f"authority {NAME} 60 IN SOA ns1.{ORIGIN} hostmaster.{ORIGIN} {NUMBERS}"),
        resolved(f"authority . 60 IN SOA ns1.{ORIGIN} hostmaster.{ORIGIN} {NUMBERS}"),
        resolved(f"authority {ORIGIN} 60 IN NS ns1.a.test."),
        resolved(),
        resolved(f"answer {NAME} 60 IN NS ns1.a.test.").replace(b"\0\0\0\x3c", b"\x80\0\0\x3c"),
        resolved(f"answer {NAME} 60 IN NS ns1.a.test.") + b"\0",
        wire(f"answer {NAME} 60 IN NS ns1.a.test."),
        wire(f"answer {NAME} 60 IN NS ns1.a.test.", flags=FROM_A_RESOLVER | dns.flags.TC).replace(ASKED, ASKED_NS),
    ],
)
def test_what_a_resolver_says_that_is_not_plain_is_declined(octets: bytes) -> None:
    assert read_name_servers(octets, ASKED_NS) is None


# Both ways, on whatever may come


HERE, APEX, ROOT_OF_QUESTION = 12, 24, 12 + len(NAME.to_wire() or b"") - 1
TO_HERE, TO_APEX = b"\xc0\x0c", b"\xc0\x18"
assert wire()[APEX:].startswith(b"\7Example\4test\0"), "so that TO_APEX leads there"
ODD_NAMES = (
    *(
        struct.pack("!H", 0xC000 | at)
        for at in (0, 11, HERE, HERE + 1, 20, APEX, ROOT_OF_QUESTION, ROOT_OF_QUESTION + 1)
    ),
    *(struct.pack("!H", 0xC000 | ROOT_OF_QUESTION + at) for at in (2, 4, 5, 6, 7, 18, 40, 1000)),
    b"\0",
    b"\3ns1" + TO_APEX,
    b"\3ns1\4test\0",
    b"\7Example\4test\0",
    b"\7example\4test\0",
    b"\x40" + b"x" * 64 + b"\0",
    b"\x3f" + b"x" * 63 + b"\0",
    b"\x80\0",
    (b"\x3f" + b"x" * 63) * 4 + b"\0",
    (b"\x3f" + b"x" * 63) * 3 + b"\x3d" + b"x" * 61 + b"\0",
    (b"\x3f" + b"x" * 63) * 3 + b"\x3e" + b"x" * 62 + b"\0",
    *((b"\x3f" + b"x" * 63) * 3 + bytes((last,)) + b"x" * last + TO_APEX for last in (48, 49)),
    b"\1x" * 30 + TO_HERE,
    b"\1x" * 60 + TO_APEX,
)
"""Of which many are no names."""


def made(*, answer: bytes = b"", authority: bytes = b"", additional: bytes = b"") -> bytes:
    """Write an answer with at most one record a section, as it stands."""
    counts = [1, *(bool(part) for part in (answer, authority, additional))]
    return struct.pack("!6H", 1, 0x8400, *counts) + ASKED + answer + authority + additional


def soa(owner: bytes, primary: bytes = b"\0", contact: bytes = b"\0") -> bytes:
    data = primary + contact + bytes(20)
    return owner + struct.pack("!2HIH", 6, 1, 60, len(data)) + data


def txt(data: bytes, owner: bytes = TO_HERE) -> bytes:
    return owner + struct.pack("!2HIH", 16, 1, 60, len(data)) + data


def opt(options: bytes) -> bytes:
    return b"\0" + struct.pack("!2HIH", 41, 1232, 0, len(options)) + options


def ns(target: bytes) -> bytes:
    return TO_APEX + struct.pack("!2HIH", 2, 1, 60, len(target)) + target


def to(offset: int) -> bytes:
    return struct.pack("!H", 0xC000 | offset)


PRIMARY = len(made()) + 12
"""Where the data of the first record begins."""
HAND_MADE = {
    "a string beyond its record": made(answer=txt(b"\2a")),
    "a second string beyond its record": made(answer=txt(b"\1a\2b")),
    "no string": made(answer=txt(b"")),
    "an owner within a label": made(answer=txt(b"\4code", b"\xc0\x0d")),
    "a zone from within a label": made(authority=soa(b"\xc0\x19")),
    "a zone from behind the name": made(authority=soa(struct.pack("!H", 0xC001 + ROOT_OF_QUESTION))),
    "a zone that begins with a label": made(authority=soa(b"\1a" + TO_APEX)),
    "a zone whose pointer lacks a bit": made(authority=soa(b"\x40\x18")),
    "a name that leads to itself": made(authority=soa(TO_APEX, to(PRIMARY))),
    "a name that leads forward": made(authority=soa(TO_APEX, to(PRIMARY + 2))),
    # the octet before it, its length, as that of a label
    "a name that runs over itself": made(authority=soa(TO_APEX, to(PRIMARY - 1)), additional=opt(b"")),
    # the same, as the first half of a pointer; the other half is the name's own first octet, and leads into the header
    "a name that runs into itself": made(
        authority=soa(TO_APEX, b"\1a" + to(PRIMARY - 1), b"\x3e" * 126 + b"\x28" * 41 + b"\0")
    ),
    "a chain of pointers": made(
        answer=txt(b"\x0b\0" + b"".join(to(PRIMARY + max(1, 2 * n)) for n in range(5))), authority=ns(to(PRIMARY + 10))
    ),
    "a name that is too long": made(authority=soa(TO_APEX, (b"\x3f" + b"x" * 63) * 4 + b"\0")),
    "a name that is too long with what it leads to": made(
        authority=soa(TO_APEX, (b"\x3f" + b"x" * 63) * 3 + b"\x31" + b"x" * 49 + TO_APEX)
    ),
    "a name of another kind": made(authority=soa(TO_APEX, b"\x40" + b"x" * 64 + b"\0")),
    "options": made(additional=opt(b"\0\x03\0\0")),
    "half an option": made(additional=opt(b"\0\x03\0")),
}


@pytest.mark.parametrize("octets", HAND_MADE.values(), ids=HAND_MADE)
def test_what_is_odd_in_one_place_is_declined(octets: bytes) -> None:
    assert read(octets, ASKED) is None


def test_what_is_made_by_hand_is_plain_where_nothing_is_odd() -> None:
    for good in (made(answer=txt(b"\1a\1b")), made(authority=soa(TO_APEX)), made(additional=opt(b"")), made()):
        assert agreed(good) is not None
    begun = (b"\x3f" + b"x" * 63) * 3
    for longest in (b"\x3d" + b"x" * 61 + b"\0", b"\x30" + b"x" * 48 + TO_APEX):
        assert agreed(made(authority=soa(TO_APEX, begun + longest))) is not None


def mostly(usual: T, *odd: T) -> st.SearchStrategy[T]:
    """Something odd in one of eight cases."""
    return st.integers(0, 7).flatmap(lambda n: st.just(usual) if n else st.sampled_from(odd))


@st.composite
def record(draw: st.DrawFn, owner: bytes, kind: int, *data: bytes | st.SearchStrategy[bytes], odd: int = 1) -> bytes:
    """A record with, now and then, a field that is not what it should be."""
    chosen = draw(mostly(owner, *ODD_NAMES))
    kind, network = draw(mostly(kind, 1, 2, 5, 6, 16, 28, 41, 99)), draw(mostly(odd, 1, 3, 255))
    ttl = draw(mostly(0, 60, 0x8000, 0x10000, 0x01000000, 0xFFFFFFFF))
    rest = b"".join(one if isinstance(one, bytes) else draw(one) for one in data)
    length = max(0, len(rest) + draw(mostly(0, -1, 1, 4)))
    return chosen + struct.pack("!2HIH", kind, network, ttl, length) + rest


names = mostly(b"\3ns1" + TO_APEX, *ODD_NAMES)
texts = st.lists(
    record(TO_HERE, 16, mostly(b"\4code", b"", b"\0", b"\1a", b"\2ab\0", b"\2a", b"\1ab", b"\4code\4code")), max_size=3
)
numbers = mostly(bytes(range(20)), bytes(19), bytes(21))
soas = st.lists(record(TO_APEX, 6, names, names, numbers), max_size=2)
own_soas = st.lists(record(TO_HERE, 6, names, names, numbers), max_size=2)
servers = st.lists(record(TO_APEX, 2, names), max_size=2)
additions = st.lists(
    st.one_of(
        record(b"\0", 41, mostly(b"", b"\0", b"\0\x03\0\0", b"\0\x0f\0\1x"), odd=1232),
        record(TO_APEX, 1, mostly(b"\x7f\0\0\1", b"\x7f\0\0")),
        record(TO_APEX, 28, mostly(bytes(16), bytes(15))),
    ),
    max_size=2,
)


@st.composite
def answers(draw: st.DrawFn) -> Asked:
    """An answer that is nearly a plain one, and what was asked."""
    asked = draw(st.sampled_from((ASKED, ASKED_SOA)))
    usual, odd = (texts, own_soas) if asked == ASKED else (own_soas, texts)
    there = draw(usual if draw(st.integers(0, 7)) else odd) if draw(st.booleans()) else []
    beside = draw(servers if bool(there) is (draw(st.integers(0, 7)) > 0) else soas)
    parts = [there, beside, draw(additions)]
    flags = draw(mostly(0x8400, 0x8000, 0x8600, 0x0400, 0x8580, 0xA400)) | draw(mostly(0, 3, 2, 5, 1, 9))
    counts = [1, *map(len, parts)]
    counts[draw(st.integers(0, 3))] += draw(mostly(0, 1, -1))
    head = struct.pack("!6H", 1, flags, *(max(0, count) for count in counts))
    return asked, head + asked + b"".join(one for part in parts for one in part) + draw(mostly(b"", b"\0", b"\0\0\0"))


def both(asked: bytes, octets: bytes) -> None:
    event("plain" if agreed(octets, asked) is not None else "declined")


@given(answers())
def test_both_ways_agree_on_what_is_nearly_plain(made: Asked) -> None:
    both(*made)


@given(answers(), st.lists(st.tuples(st.integers(2, 500), st.integers(0, 255)), min_size=1, max_size=3))
def test_both_ways_agree_on_what_was_changed_on_the_way(made: Asked, changes: list[tuple[int, int]]) -> None:
    asked, octets = made
    changed = bytearray(octets)
    for at, octet in changes:
        changed[at % len(octets)] = octet
    both(asked, bytes(changed))


@st.composite
def of_resolvers(draw: st.DrawFn) -> bytes:
    """What a resolver may say of name servers, nearly."""
    there = draw(st.lists(record(TO_HERE, 2, names), max_size=4)) if draw(st.booleans()) else []
    parts = [there, draw(servers if bool(there) is (draw(st.integers(0, 7)) > 0) else soas), draw(additions)]
    flags = draw(mostly(0x8180, 0x8580, 0x8000, 0x8380, 0x0180, 0xA180)) | draw(mostly(0, 3, 2, 5, 1, 9))
    counts = [1, *map(len, parts)]
    counts[draw(st.integers(0, 3))] += draw(mostly(0, 1, -1))
    head = struct.pack("!6H", 1, flags, *(max(0, count) for count in counts))
    return head + ASKED_NS + b"".join(one for part in parts for one in part) + draw(mostly(b"", b"\0"))


@given(of_resolvers(), st.lists(st.tuples(st.integers(2, 500), st.integers(0, 255)), max_size=2))
def test_both_ways_agree_on_what_resolvers_say(octets: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(octets)
    for at, octet in changes:
        changed[at % len(octets)] = octet
    event("plain" if agreed_servers(bytes(changed)) is not None else "declined")


@given(answers(), st.data())
def test_both_ways_agree_on_what_was_cut(made: Asked, data: st.DataObject) -> None:
    asked, octets = made
    both(asked, octets[: data.draw(st.integers(0, len(octets)))])


@given(st.binary(max_size=300))
def test_both_ways_agree_on_a_name_of_any_octets(name: bytes) -> None:
    data = name + bytes(20)
    soa = TO_APEX + struct.pack("!2HIH", 6, 1, 60, len(data)) + data
    both(ASKED, b"\0\1" + struct.pack("!5H", 0x8400, 1, 0, 1, 0) + ASKED + soa)
