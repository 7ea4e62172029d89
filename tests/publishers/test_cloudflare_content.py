"""What Cloudflare's `content` says, and how values are written there: held against dnspython's reading."""

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from dns.rdtypes.ANY.TXT import TXT
from hypothesis import given
from hypothesis import strategies as st

from txtproof.adapters.publishers.cloudflare.content import MAX_STRING, MAX_VALUE, content_of, value_of

VALUES = st.binary(min_size=1, max_size=MAX_VALUE)


def parsed(content: str) -> tuple[bytes, ...]:
    read = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, content)
    assert isinstance(read, TXT)
    return read.strings


@given(VALUES)
def test_what_is_written_says_the_value_in_strings_that_dns_can_hold(value: bytes) -> None:
    content = content_of(value)
    assert content.isascii()
    assert content.isprintable()
    strings = parsed(content)
    assert b"".join(strings) == value
    assert max(map(len, strings)) <= MAX_STRING
    assert sum(1 + len(string) for string in strings) <= 4096
    assert value_of(content) == value


@given(st.lists(st.binary(max_size=MAX_STRING), min_size=1, max_size=5))
def test_what_others_have_written_in_quotes_is_read_as_a_zone_file_is(strings: list[bytes]) -> None:
    content = TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings).to_text()
    assert value_of(content) == b"".join(strings)


@given(st.text())
def test_every_text_is_some_value(content: str) -> None:
    read = value_of(content)
    if not content.lstrip().startswith('"'):
        assert read == content.encode()


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("v=spf1 -all", b"v=spf1 -all"),
        ("  two  blanks  ", b"  two  blanks  "),
        (r"C:\065", rb"C:\065"),
        ("a" * 300, b"a" * 300),
        ("", b""),
        ('""', b""),
        ('"co" "de"', b"code"),
        ('"co""de"', b"code"),
        (' "code"\t', b"code"),
        ('"one\ntwo"', b"one\ntwo"),
        (r'"\"code\""', b'"code"'),
        (r'"\065\\\;"', rb"A\;"),
        (r'"\065123"', b"A123"),
        ('"\u2603"', "\u2603".encode()),
        # quotes that do not match are no strings
        ('"code', b'"code'),
        ('co"de"', b'co"de"'),
        ('"co" de', b'"co" de'),
        (r'"code\"', rb'"code\"'),
        (r'"\256"', rb'"\256"'),
    ],
)
def test_a_content_says(content: str, value: bytes) -> None:
    assert value_of(content) == value


def test_a_long_content_of_quotes_is_read_in_no_time() -> None:
    hostile = '"' + "\\" * 500_001
    assert value_of(hostile) == hostile.encode()
    assert value_of('"" ' * 100_000 + "x") == b'"" ' * 100_000 + b"x"
