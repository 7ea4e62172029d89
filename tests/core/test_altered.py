"""What is made of a value on its way is recognised; what is something else is not."""

import pytest

from txtproof.core.altered import LONGEST_MORE, alteration

CODE = b"AbcDef0123456789"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (b'"AbcDef0123456789"', "quotes"),
        (rb"\"AbcDef0123456789\"", "quotes"),
        ("\u201cAbcDef0123456789\u201d".encode(), "quotes"),
        (b" AbcDef0123456789", "blanks"),
        (b"AbcDef0123456789\r\n", "blanks"),
        (b"AbcDef01 23456789", "blanks"),
        ("AbcDef\u200b0123456789".encode(), "blanks"),
        (b"abcdef0123456789", "another case"),
        (b'" abcdef0123456789"', "quotes and blanks and another case"),
        (b"nexus=AbcDef0123456789", "a name before it"),
        (b'_verify: "AbcDef0123456789"', "a name before it"),
    ],
)
def test_an_altered_value_is_recognised(found: bytes, words: str) -> None:
    assert alteration(CODE, found) == words


def test_a_value_that_lost_what_belongs_before_it_is_recognised() -> None:
    assert alteration(b"nexus=" + CODE, CODE) == "nothing of what belongs before the `=`"


@pytest.mark.parametrize(
    "found",
    [
        CODE,
        b"",
        b"v=spf1 -all",
        CODE[:-1],
        CODE + b"0",
        CODE[::-1],
        b"\xff\xfe",
        b'"' * 10,
        CODE + b" " * (LONGEST_MORE + 1),
    ],
)
def test_the_value_itself_and_what_is_something_else_is_no_altered_one(found: bytes) -> None:
    assert alteration(CODE, found) is None


def test_what_is_too_short_to_be_sure_of_is_not_guessed_at() -> None:
    assert alteration(b"ab", b'"ab"') is None
