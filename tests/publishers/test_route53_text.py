"""How Route 53 writes TXT values: as its Developer Guide shows it, and back again for any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txtproof.adapters.publishers.route53.sets import TxtSet, at_name, batch
from txtproof.adapters.publishers.route53.text import decoded, encoded


@given(st.binary(min_size=1, max_size=1200))
def test_what_is_written_is_read_back(value: bytes) -> None:
    text = encoded(value)
    assert decoded(text) == value
    assert text.isascii()
    assert text.isprintable()


@given(st.text(max_size=400))
def test_any_text_can_be_read(text: str) -> None:
    decoded(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"This string includes \"quotation marks\"."', b'This string includes "quotation marks".'),
        (r'"an accented e specified in octal format: \351"', b"an accented e specified in octal format: \xe9"),
        (r'"ex\344mple.com"', b"ex\xe4mple.com"),
        ('"String 1" "String 2" "String 3"', b"String 1String 2String 3"),
        (r'"\101\102"', b"AB"),
        (r'"\\101"', rb"\101"),
        (r'"\999"', b"999"),
        ("bare", b"bare"),
        ('""', b""),
        ("", b""),
    ],
)
def test_a_text_is_read_as_the_guide_has_it(text: str, value: bytes) -> None:
    assert decoded(text) == value


def test_strings_are_cut_at_255_octets_and_not_at_what_an_escape_takes() -> None:
    assert encoded(b"\xff" * 256) == '"' + r"\377" * 255 + '" "' + r"\377" + '"'
    assert encoded(b'"\\;') == r'"\"\\;"'


@given(st.lists(st.text(st.characters(codec="ascii"), max_size=20), max_size=5), st.integers(0, 86400))
def test_neighbours_go_back_to_the_letter(texts: list[str], ttl: int) -> None:
    listed = {"Name": "a.test.", "Type": "TXT", "TTL": ttl, "ResourceRecords": [{"Value": text} for text in texts]}
    after = {"Name": "b.a.test.", "Type": "TXT", "TTL": 5, "ResourceRecords": [{"Value": '"not ours"'}]}
    before = at_name("a.test", [listed, after])
    changes = batch(before, before.with_one(b"a value that is not among them", 60))
    kept = [change["ResourceRecordSet"]["ResourceRecords"][: len(texts)] for change in changes]
    assert kept == [listed["ResourceRecords"]] * len(changes)
    assert {change["ResourceRecordSet"]["TTL"] for change in changes} == {ttl}


def test_the_last_value_takes_the_set_with_it() -> None:
    before = TxtSet("a.test", 300, ('"one"',))
    assert [change["Action"] for change in batch(before, before.without({b"one"}))] == ["DELETE"]
    assert batch(TxtSet("a.test"), TxtSet("a.test")) == []
