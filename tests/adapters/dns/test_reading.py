"""What messages say, those of strangers included."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.exchange import Reply

NAME = dns.name.from_text("_verify.example.test")
ORIGIN = dns.name.from_text("example.test")
SOA = "ns1.example.test. hostmaster.example.test. 7 3600 600 86400 60"


def message(answer: str = "", authority: str = "", additional: str = "", *, aa: bool = True) -> dns.message.Message:
    head = f"id 1\nopcode QUERY\nrcode NOERROR\nflags QR{' AA' if aa else ''}"
    parts = [head, f";QUESTION\n{NAME} IN TXT", ";ANSWER", answer, ";AUTHORITY", authority, ";ADDITIONAL", additional]
    return dns.message.from_text("\n".join(filter(None, parts)) + "\n")


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        ("", ()),
        (f'{NAME} 60 IN TXT "code"', (b"code",)),
        (f'{NAME} 60 IN TXT "co" "de"', (b"code",)),
        (f'{NAME} 60 IN TXT "a"\n{NAME} 60 IN TXT "b"', (b"a", b"b")),
        (f'{NAME} 60 IN TXT ""', (b"",)),
        (f'{NAME} 60 IN TXT "\\195\\164 \\000"', (b"\xc3\xa4 \x00",)),
        (f'{NAME} 60 IN TXT "{"x" * 255}" "{"y" * 200}"', (b"x" * 255 + b"y" * 200,)),
        ('_VERIFY.Example.Test. 60 IN TXT "code"', (b"code",)),
        (f'{NAME} 60 CH TXT "code"', ()),
        (f'{NAME} 60 IN SPF "code"', ()),
        ('other.example.test. 60 IN TXT "code"', ()),
        (f'{NAME} 60 IN CNAME proof.test.\nproof.test. 60 IN TXT "code"', ()),
    ],
)
def test_values_are_the_joined_strings_at_the_name_itself(answer: str, values: tuple[bytes, ...]) -> None:
    assert reading.values(message(answer), NAME) == values


LONG = ".".join(["x" * 62] * 4)


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("", None),
        (f"{NAME} 60 IN CNAME proof.test.", "proof.test"),
        ("other.example.test. 60 IN CNAME proof.test.", None),
        (f"{NAME} 60 IN CNAME a.test.\na.test. 60 IN CNAME b.test.", "a.test"),
        ("example.test. 60 IN DNAME provider.test.", "_verify.provider.test"),
        (f"{NAME} 60 IN DNAME provider.test.", None),
        (f"example.test. 60 IN DNAME p.test.\n{NAME} 0 IN CNAME _verify.p.test.", "_verify.p.test"),
        (f"example.test. 60 IN DNAME {LONG}.", None),
        ("elsewhere.test. 60 IN DNAME provider.test.", None),
    ],
)
def test_an_alias_leads_one_step_on(answer: str, target: str | None) -> None:
    found = reading.alias(message(answer), NAME)
    assert (found and reading.plain(found)) == target


@pytest.mark.parametrize("aa", [True, False])
@pytest.mark.parametrize(
    ("authority", "cut"),
    [
        (f"{NAME} 60 IN NS ns.provider.test.", "_verify.example.test"),
        ("example.test. 60 IN NS ns1.example.test.", None),
        ("test. 60 IN NS ns1.nic.test.", None),
        (". 60 IN NS a.root-servers.net.", None),
        ("other.example.test. 60 IN NS ns.provider.test.", None),
        ("deeper._verify.example.test. 60 IN NS ns.provider.test.", None),
        (f"{NAME} 60 IN NS ns.provider.test.\nexample.test. 60 IN SOA {SOA}", None),
    ],
)
def test_a_referral_leads_down_towards_the_name(authority: str, cut: str | None, aa: bool) -> None:
    found = reading.referral(message(authority=authority, aa=aa), NAME, ORIGIN)
    assert (found and reading.plain(found.name)) == cut


def test_a_message_with_an_answer_refers_nowhere() -> None:
    told = message(f'{NAME} 60 IN TXT "code"', f"{NAME} 60 IN NS ns.provider.test.")
    assert reading.referral(told, NAME, ORIGIN) is None


@pytest.mark.parametrize(
    ("answer", "authority", "aa", "serial"),
    [
        (f"example.test. 60 IN SOA {SOA}", "", True, 7),
        ("", f"example.test. 60 IN SOA {SOA}", True, 7),
        ("", f"example.test. 60 IN SOA {SOA}", False, None),
        ("", f"test. 60 IN SOA {SOA}", True, 7),
        ("", f"other.test. 60 IN SOA {SOA}", True, None),
        ("", "", True, None),
    ],
)
def test_a_serial_counts_from_who_speaks_for_the_zone(
    answer: str, authority: str, aa: bool, serial: int | None
) -> None:
    assert reading.serial(message(answer, authority, aa=aa), NAME) == serial


def test_no_message_has_no_serial() -> None:
    assert reading.serial(None, NAME) is None


@pytest.mark.parametrize("place", ["answer", "authority"])
def test_name_servers_are_read_from_the_answer_and_from_the_authority(place: str) -> None:
    told = message(
        **{place: "example.test. 60 IN NS ns2.example.test.\nexample.test. 60 IN NS ns1.example.test."}, aa=False
    )
    found = reading.name_servers(told, ORIGIN)
    assert found is not None
    assert [reading.plain(one) for one in reading.targets(found)] == ["ns1.example.test", "ns2.example.test"]
    assert reading.name_servers(told, NAME) is None


def test_name_servers_in_a_failure_do_not_count() -> None:
    told = message("example.test. 60 IN NS ns1.example.test.")
    told.set_rcode(dns.rcode.SERVFAIL)
    assert reading.name_servers(told, ORIGIN) is None


def test_addresses_are_those_of_the_internet_and_of_both_kinds() -> None:
    told = message(
        additional="a.test. 9 IN A 192.0.2.1\na.test. 8 IN AAAA 2001:db8::1\n"
        "a.test. 7 IN TXT x\nb.test. 5 CH A c.test. 42"
    )
    assert [(reading.plain(name), ttl, one) for name, ttl, one in reading.addresses(told.additional)] == [
        ("a.test", 9, "192.0.2.1"),
        ("a.test", 8, "2001:db8::1"),
    ]


def test_a_name_is_shown_without_control_characters_and_not_too_long() -> None:
    shown = reading.plain(dns.name.Name([bytes(range(1, 60)), b"\n\x1b[31m" * 9, b"\xff" * 60, b""]))
    assert shown.isprintable()
    assert shown.isascii()
    assert len(shown) <= 253


RICH = message(
    f'{NAME} 60 IN TXT "code" "more"\nexample.test. 60 IN DNAME p.test.\nx.example.test. 60 IN CNAME y.test.',
    f"example.test. 60 IN SOA {SOA}\n{NAME} 60 IN NS ns.{NAME}",
    f"ns.{NAME} 60 IN A 192.0.2.1\nns.{NAME} 60 IN AAAA 2001:db8::1",
).to_wire()


@given(st.lists(st.tuples(st.integers(0, len(RICH) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(RICH)))
def test_whatever_a_stranger_sends_is_read_without_an_error(changes: list[tuple[int, int]], cut: int) -> None:
    wire = bytearray(RICH)
    for place, octet in changes:
        wire[place] = octet
    try:
        told = dns.message.from_wire(bytes(wire[: max(cut, 12)] if cut % 2 else wire))
    except Exception:  # noqa: BLE001  # the exchange takes it for no answer
        return
    answer = reading.answer("ns", "192.0.2.1", Reply(told), NAME, NAME)
    assert all(isinstance(value, bytes) for value in answer.values)
    cut_off = reading.referral(told, NAME, ORIGIN)
    assert cut_off is None or NAME.is_subdomain(cut_off.name)
    servers = reading.name_servers(told, ORIGIN)
    assert servers is None or all(reading.plain(one).isprintable() for one in reading.targets(servers))
    assert all(isinstance(address, str) for _, _, address in reading.addresses(told.additional))
