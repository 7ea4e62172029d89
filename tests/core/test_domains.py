"""What counts as a domain, and what is said of what does not."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from txtproof.core.names import fits
from txtproof.domains import BadDomain, parse_domain

LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 56, "test"])


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("example.test", "example.test"),
        ("Example.TEST", "example.test"),
        ("example.test.", "example.test"),
        ("a.b.example.co.uk", "a.b.example.co.uk"),
        ("www.ck", "www.ck"),
        ("github.io", "github.io"),
        ("1.example.test", "1.example.test"),
        ("3com.example", "3com.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.Example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("食狮.公司.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("example。test。", "example.test"),
        ("ｅｘａｍｐｌｅ.test", "example.test"),
        (LONGEST, LONGEST),
        (f"{LONGEST}.", LONGEST),
    ],
)
def test_a_domain_becomes_lower_case_a_labels_without_trailing_dot(text: str, domain: str) -> None:
    assert parse_domain(text) == domain


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        (".", "empty label"),
        ("..", "empty label"),
        ("example..test", "empty label"),
        (".example.test", "empty label"),
        ("example.test..", "empty label"),
        ("\u00ad.example.test", "empty label"),
        ("x" * 300, "longer than 253"),
        ("a." * 124 + "example.test", "longer than 253"),
        ("a" * 64 + ".test", "not a lawful domain name"),
        ("exa mple.test", "a blank"),
        (" example.test", "a blank"),
        ("example.test\n", "a blank"),
        ("example\u3000.test", "a blank"),
        ("exam\x00ple.test", "a control character"),
        ("exam\x7fple.test", "a control character"),
        ("192.0.2.1", "an IP address"),
        ("192.0.2.1.", "an IP address"),
        ("１９２.０.２.１", "an IP address"),
        ("2001:db8::1", "an IP address"),
        ("fe80::1%eth0", "an IP address"),
        ("[2001:db8::1]", "an IP address"),
        ("[192.0.2.1]", "an IP address"),
        ("0x7f.1", "an IP address"),
        ("example.123", "an IP address"),
        ("example.0x7f", "an IP address"),
        ("_acme.example.test", "an underscore"),
        ("a_b.test", "an underscore"),
        ("com", "a single label"),
        ("localhost", "a single label"),
        ("test.", "a single label"),
        ("co.uk", "a public suffix"),
        ("CO.UK.", "a public suffix"),
        ("公司.cn", "a public suffix"),
        ("xn--55qx5d.cn", "a public suffix"),
        ("foo.ck", "a public suffix"),
        ("*.example.test", "not a lawful domain name"),
        ("https://example.test/", "not a lawful domain name"),
        ("example.test:53", "not a lawful domain name"),
        ("-a.example.test", "not a lawful domain name"),
        ("a-.example.test", "not a lawful domain name"),
        ("ab--c.example.test", "not a lawful domain name"),
        ("xn--.example", "not a lawful domain name"),
        ("xn--a.example", "not a lawful domain name"),
        ("xn--example-.test", "not a lawful domain name"),
        ("xn--ls8h.la", "not a lawful domain name"),
        ("\udc80.test", "a character that no domain may have"),
        ("a\ufffd.test", "a character that no domain may have"),
    ],
)
def test_what_is_no_domain_is_refused_and_named(text: str, complaint: str) -> None:
    with pytest.raises(BadDomain, match=complaint):
        parse_domain(text)


def test_a_message_shows_no_more_than_sixty_characters_of_the_text() -> None:
    with pytest.raises(BadDomain) as refusal:
        parse_domain("x" * 60 + "SECRET" + "x" * 300)
    assert "x" * 60 in str(refusal.value)
    assert "SECRET" not in str(refusal.value)


def test_a_message_holds_no_control_character() -> None:
    with pytest.raises(BadDomain) as refusal:
        parse_domain("a\x1b[31m.test")
    assert str(refusal.value).isprintable()


names = st.lists(st.text(alphabet="aZ09-_ßücö。.xn\u200d\u0644\u00ad１\x00 ", min_size=0, max_size=12), max_size=5).map(
    ".".join
)


@given(st.text() | names | names.map(lambda name: f"xn--{name}.example"))
@example("xn--0.pt")
@example("\u0644\u200d.example")
@example("㎢" * 253)
def test_nothing_but_a_bad_domain_is_raised_and_a_domain_stays_itself(text: str) -> None:
    try:
        domain = parse_domain(text)
    except BadDomain as refusal:
        assert str(refusal).isprintable()
        return
    assert parse_domain(domain) == domain
    assert fits(domain)
    assert domain == domain.lower()
    assert domain.isascii()


@given(
    st.text(alphabet=st.characters(min_codepoint=0x61, max_codepoint=0x2FF, categories=["Ll"]), min_size=1, max_size=20)
)
def test_an_idn_that_passes_is_a_domain_below_any_other(label: str) -> None:
    try:
        domain = parse_domain(f"{label}.example.test")
    except BadDomain:
        return
    assert domain.endswith(".example.test")
    assert len(domain.split(".")) == 3
