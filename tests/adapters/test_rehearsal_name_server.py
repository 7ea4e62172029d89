"""The rehearsal's name servers: what a real server does, as far as anybody here relies on it."""

import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.tsig
import dns.update
import pytest

from tests.waiting import wait_until
from txtproof.rehearsal.name_server import NameServers, ZoneSpec

ZONE = "example.test"
NAME = f"_verify.{ZONE}"
SECRET = "c2VjcmV0LW9mLXRoZS1yZWhlYXJzYWw="
Wanted = Callable[[dns.update.UpdateMessage], None]
APEX = dns.name.from_text(ZONE)
NOWHERE = dns.name.from_text(NAME)
FIRST, SECOND = "127.0.0.1", "127.0.0.2"
SPF = (ZONE, "TXT", 300, ('"v=spf1 -all"',))
DEEP = (f"a.b.{ZONE}", "TXT", 300, ('"deep"',))
ALIAS = (f"alias.{ZONE}", "CNAME", 300, (f"www.{ZONE}.",))


@pytest.fixture
def servers() -> Iterator[NameServers]:
    zones = [ZoneSpec(ZONE, (SPF, DEEP, ALIAS), negative_ttl=7), ZoneSpec("other.test")]
    with NameServers(zones, "tsig-test", SECRET, (FIRST, SECOND)) as running:
        yield running


def ask(
    servers: NameServers, name: str, kind: str = "TXT", address: str = FIRST, *, tcp: bool = False, payload: int = 0
) -> dns.message.Message:
    query = dns.message.make_query(name, kind, use_edns=0 if payload else False, payload=payload or 512)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, address, 5, servers.port)


def txt(message: dns.message.Message) -> tuple[int | None, list[str]]:
    found = [rrset for rrset in message.answer if rrset.rdtype == dns.rdatatype.TXT]
    return (found[0].ttl, sorted(rdata.to_text() for rdata in found[0])) if found else (None, [])


def update(zone: str = ZONE) -> dns.update.UpdateMessage:
    return dns.update.UpdateMessage(zone)


def send(
    servers: NameServers,
    message: dns.update.UpdateMessage,
    address: str = FIRST,
    key: str = "tsig-test",
    secret: str = SECRET,
    algorithm: str = "hmac-sha256",
) -> str:
    message.use_tsig(dns.tsig.Key(key, secret, algorithm))
    return dns.rcode.to_text(dns.query.tcp(message, address, 5, servers.port).rcode())


# Questions


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize("address", [FIRST, SECOND])
def test_every_address_answers_with_authority_on_the_same_port(servers: NameServers, address: str, tcp: bool) -> None:
    answer = ask(servers, ZONE, address=address, tcp=tcp)
    assert txt(answer) == (300, ['"v=spf1 -all"'])
    assert answer.flags & dns.flags.AA


def test_the_servers_say_who_they_are(servers: NameServers) -> None:
    answer = ask(servers, ZONE, "NS")
    assert sorted(rdata.to_text() for rdata in answer.answer[0]) == [f"ns1.{ZONE}.", f"ns2.{ZONE}."]
    glue = {rrset.name.to_text(): rrset[0].to_text() for rrset in answer.additional}
    assert glue == {f"ns1.{ZONE}.": FIRST, f"ns2.{ZONE}.": SECOND}
    assert ask(servers, f"ns2.{ZONE}", "A").answer[0][0].to_text() == SECOND
    assert servers.resolver == f"{FIRST}:{servers.port}"


@pytest.mark.parametrize(
    ("name", "kind", "rcode"),
    [
        (f"none.{ZONE}", "TXT", "NXDOMAIN"),
        (f"none.a.b.{ZONE}", "TXT", "NXDOMAIN"),
        (f"b.{ZONE}", "TXT", "NOERROR"),
        (ZONE, "AAAA", "NOERROR"),
        (f"ns1.{ZONE}", "TXT", "NOERROR"),
        (f"NONE.{ZONE.upper()}", "TXT", "NXDOMAIN"),
    ],
)
def test_what_is_not_there_is_told_apart_and_comes_with_the_soa(
    servers: NameServers, name: str, kind: str, rcode: str
) -> None:
    answer = ask(servers, name, kind)
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert answer.answer == []
    assert answer.flags & dns.flags.AA
    soa = answer.find_rrset(answer.authority, dns.name.from_text(ZONE), dns.rdataclass.IN, dns.rdatatype.SOA)
    assert soa[0].minimum == 7


def test_an_alias_is_answered_whatever_was_asked(servers: NameServers) -> None:
    answer = ask(servers, f"alias.{ZONE}")
    assert [(rrset.rdtype, rrset[0].to_text()) for rrset in answer.answer] == [(dns.rdatatype.CNAME, f"www.{ZONE}.")]


def test_names_of_nobody_are_refused(servers: NameServers) -> None:
    answer = ask(servers, "example.invalid")
    assert answer.rcode() == dns.rcode.REFUSED
    assert not answer.flags & dns.flags.AA


@pytest.mark.parametrize(
    ("size", "payload", "truncated"),
    [(300, 0, False), (600, 0, True), (600, 1232, False), (1400, 1232, True), (1400, 4096, True), (600, 100, True)],
)
def test_what_is_too_long_for_udp_is_truncated_and_complete_over_tcp(
    servers: NameServers, size: int, payload: int, truncated: bool
) -> None:
    long = " ".join(f'"{"x" * 200}"' for _ in range(size // 200)) + f' "{"y" * (size % 200)}"'
    servers.put(ZONE, NAME, "TXT", 60, long)
    answer = ask(servers, NAME, payload=payload)
    assert bool(answer.flags & dns.flags.TC) == truncated
    assert bool(answer.answer) != truncated
    assert len(b"".join(ask(servers, NAME, tcp=True).answer[0][0].strings)) == size


# Updates


def test_an_add_changes_the_ttl_of_the_whole_set(servers: NameServers) -> None:
    message = update()
    message.add(dns.name.from_text(ZONE), 60, "TXT", '"code"')
    assert send(servers, message) == "NOERROR"
    assert txt(ask(servers, ZONE)) == (60, ['"code"', '"v=spf1 -all"'])


def test_a_delete_leaves_the_others_and_their_ttl(servers: NameServers) -> None:
    servers.put(ZONE, NAME, "TXT", 300, '"one"', '"two"')
    message = update()
    message.delete(dns.name.from_text(NAME), "TXT", '"one"')
    assert send(servers, message) == "NOERROR"
    assert txt(ask(servers, NAME)) == (300, ['"two"'])
    message = update()
    message.delete(dns.name.from_text(NAME), "TXT", '"two"')
    assert send(servers, message) == "NOERROR"
    assert ask(servers, NAME).rcode() == dns.rcode.NXDOMAIN


def test_a_set_and_a_name_can_be_deleted_whole(servers: NameServers) -> None:
    servers.put(ZONE, NAME, "TXT", 300, '"one"', '"two"')
    servers.put(ZONE, NAME, "A", 300, "192.0.2.1")
    message = update()
    message.delete(dns.name.from_text(NAME), "TXT")
    assert send(servers, message) == "NOERROR"
    assert ask(servers, NAME).rcode() == dns.rcode.NOERROR
    assert txt(ask(servers, NAME)) == (None, [])
    message = update()
    message.delete(dns.name.from_text(NAME))
    assert send(servers, message) == "NOERROR"
    assert ask(servers, NAME).rcode() == dns.rcode.NXDOMAIN


def test_the_apex_keeps_what_a_zone_must_have(servers: NameServers) -> None:
    message = update()
    message.delete(dns.name.from_text(ZONE))
    message.delete(dns.name.from_text(ZONE), "SOA")
    message.delete(dns.name.from_text(ZONE), "NS")
    assert send(servers, message) == "NOERROR"
    assert txt(ask(servers, ZONE)) == (None, [])
    assert len(ask(servers, ZONE, "NS").answer[0]) == 2
    assert ask(servers, ZONE, "SOA").answer


def test_a_cname_and_other_records_exclude_each_other(servers: NameServers) -> None:
    before = servers.snapshot(ZONE)
    message = update()
    message.add(dns.name.from_text(f"alias.{ZONE}"), 60, "TXT", '"code"')
    message.add(dns.name.from_text(ZONE), 60, "CNAME", f"www.{ZONE}.")
    assert send(servers, message) == "NOERROR"
    assert servers.snapshot(ZONE) == before
    message = update()
    message.add(dns.name.from_text(NAME), 60, "CNAME", f"www.{ZONE}.")
    assert send(servers, message) == "NOERROR"
    assert ask(servers, NAME, "A").answer[0].rdtype == dns.rdatatype.CNAME


def test_the_serial_rises_with_a_change_and_with_nothing_else(servers: NameServers) -> None:
    def serial() -> int:
        found: int = ask(servers, ZONE, "SOA").answer[0][0].serial
        return found

    first = serial()
    message = update()
    message.add(dns.name.from_text(NAME), 60, "TXT", '"code"')
    send(servers, message)
    assert serial() == first + 1
    send(servers, message)
    message = update()
    message.delete(dns.name.from_text(NAME), "TXT", '"never was"')
    send(servers, message)
    assert serial() == first + 1


def test_the_account_tells_what_was_done(servers: NameServers) -> None:
    begun = time.time()
    message = update()
    message.delete(dns.name.from_text(ZONE), "TXT", '"never was"')
    message.add(dns.name.from_text(NAME), 60, "TXT", '"co" "de"')
    send(servers, message)
    message = update()
    message.delete(dns.name.from_text(NAME), "TXT", '"co" "de"')
    send(servers, message)
    servers.put(ZONE, NAME, "TXT", 300, '"not by an update"')
    told = [(one.zone, one.name, one.kind, one.value) for one in servers.changes]
    assert told == [(ZONE, NAME, "add", b"code"), (ZONE, NAME, "delete", b"code")]
    assert servers.changes[0].ttl == 60
    assert begun <= servers.changes[0].time <= servers.changes[1].time <= time.time()
    assert "code" not in repr(servers.changes)


def test_a_snapshot_is_the_zone_without_its_serial(servers: NameServers) -> None:
    before = servers.snapshot(ZONE)
    message = update()
    message.add(dns.name.from_text(NAME), 60, "TXT", '"code"')
    send(servers, message)
    assert sorted([*before, (f"{NAME}.", "TXT", 60, '"code"')]) == servers.snapshot(ZONE)
    message = update()
    message.delete(dns.name.from_text(NAME), "TXT", '"code"')
    send(servers, message)
    assert servers.snapshot(ZONE) == before


@pytest.mark.parametrize(
    ("wanted", "rcode"),
    [
        (lambda message: message.present(NOWHERE), "NXDOMAIN"),
        (lambda message: message.present(APEX), "NOERROR"),
        (lambda message: message.present(APEX, "TXT"), "NOERROR"),
        (lambda message: message.present(APEX, "MX"), "NXRRSET"),
        (lambda message: message.present(APEX, "TXT", '"v=spf1 -all"'), "NOERROR"),
        (lambda message: message.present(APEX, "TXT", '"another"'), "NXRRSET"),
        (lambda message: message.absent(APEX), "YXDOMAIN"),
        (lambda message: message.absent(NOWHERE), "NOERROR"),
        (lambda message: message.absent(APEX, "TXT"), "YXRRSET"),
        (lambda message: message.absent(APEX, "MX"), "NOERROR"),
    ],
)
def test_prerequisites_are_held(servers: NameServers, wanted: Wanted, rcode: str) -> None:
    message = update()
    wanted(message)
    message.add(dns.name.from_text(f"new.{ZONE}"), 60, "TXT", '"code"')
    before = servers.snapshot(ZONE)
    assert send(servers, message) == rcode
    assert (servers.snapshot(ZONE) != before) == (rcode == "NOERROR")


def test_an_update_is_applied_whole_or_not_at_all(servers: NameServers) -> None:
    before = servers.snapshot(ZONE)
    message = update()
    message.add(dns.name.from_text(NAME), 60, "TXT", '"code"')
    message.add(dns.name.from_text("other.test."), 60, "TXT", '"code"')
    assert send(servers, message) == "NOTZONE"
    assert servers.snapshot(ZONE) == before
    assert servers.changes == []


def test_only_the_key_may_write_and_only_at_the_first_address(servers: NameServers) -> None:
    message = update()
    message.add(dns.name.from_text(NAME), 60, "TXT", '"code"')
    unsigned = dns.query.tcp(message, FIRST, 5, servers.port)
    assert unsigned.rcode() == dns.rcode.REFUSED
    with pytest.raises(dns.tsig.PeerBadKey):
        send(servers, message, key="nobody")
    with pytest.raises(dns.tsig.PeerBadKey):
        send(servers, message, algorithm="hmac-sha512")
    with pytest.raises(dns.tsig.PeerBadSignature):
        send(servers, message, secret="YW5vdGhlcg==")
    assert send(servers, message, SECOND) == "REFUSED"
    foreign = update("foreign.invalid")
    foreign.add(dns.name.from_text("foreign.invalid."), 60, "TXT", '"code"')
    assert send(servers, foreign) == "NOTAUTH"
    assert servers.changes == []
    assert ask(servers, NAME).rcode() == dns.rcode.NXDOMAIN


# Lagging


def test_a_held_server_serves_the_past_until_it_is_released(servers: NameServers) -> None:
    servers.hold(ZONE, SECOND)
    servers.put(ZONE, NAME, "TXT", 60, '"code"')
    assert txt(ask(servers, NAME)) == (60, ['"code"'])
    assert ask(servers, NAME, address=SECOND).rcode() == dns.rcode.NXDOMAIN
    serials = [ask(servers, ZONE, "SOA", address).answer[0][0].serial for address in (FIRST, SECOND)]
    assert serials[0] == serials[1] + 1
    servers.release(ZONE, SECOND)
    assert txt(ask(servers, NAME, address=SECOND)) == (60, ['"code"'])


def test_a_lagging_server_comes_after(servers: NameServers) -> None:
    servers.lag(ZONE, SECOND, 0.5)
    servers.put(ZONE, NAME, "TXT", 60, '"code"')
    assert ask(servers, NAME, address=SECOND).rcode() == dns.rcode.NXDOMAIN
    assert txt(ask(servers, NAME)) == (60, ['"code"'])
    begun = time.monotonic()
    wait_until(lambda: txt(ask(servers, NAME, address=SECOND))[1], "the second server")
    assert time.monotonic() - begun > 0.2


def test_a_zone_does_not_lag_because_another_does(servers: NameServers) -> None:
    servers.hold(ZONE, SECOND)
    servers.put("other.test", "other.test", "TXT", 60, '"code"')
    assert txt(ask(servers, "other.test", address=SECOND)) == (60, ['"code"'])


# What comes from outside


def hostile() -> list[bytes]:
    chance = random.Random(2136)
    question = dns.message.make_query(NAME, "TXT", use_edns=0).to_wire()
    signed = update()
    signed.add(dns.name.from_text(NAME), 60, "TXT", '"code"')
    signed.use_tsig(dns.tsig.Key("tsig-test", SECRET, "hmac-sha256"))
    unsupported = dns.message.make_query(NAME, "TXT")
    unsupported.use_tsig(dns.tsig.Key("tsig-test", SECRET, "hmac-md5.sig-alg.reg.int"))
    answer = dns.message.make_response(dns.message.make_query(NAME, "TXT")).to_wire()
    whole = [question, signed.to_wire(), unsupported.to_wire(), answer]
    mutated = [mutate(chance.choice(whole), chance) for _ in range(600)]
    noise = [chance.randbytes(chance.randrange(600)) for _ in range(200)]
    loop = question[:12] + b"\xc0\x0c" + question[-15:]
    codes = [question[:2] + struct.pack("!H", opcode << 11) + question[4:] for opcode in range(16)]
    return [b"", b"\x00", loop, answer, *codes, *mutated, *noise]


def mutate(wire: bytes, chance: random.Random) -> bytes:
    octets = bytearray(wire)
    for _ in range(chance.randrange(1, 6)):
        octets[chance.randrange(len(octets))] = chance.randrange(256)
    return bytes(octets[: chance.randrange(len(octets) // 2, len(octets) + 1)])


def test_nothing_that_comes_over_udp_stops_them(servers: NameServers, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for wire in hostile():
            sender.sendto(wire, (FIRST, servers.port))
    wait_until(lambda: still_answers(servers), "an answer")
    assert caplog.records == []
    assert servers.changes == []


def still_answers(servers: NameServers) -> bool:
    """Ask over UDP, where a question too may be lost among so many."""
    query = dns.message.make_query(ZONE, "TXT")
    try:
        return txt(dns.query.udp(query, FIRST, 0.5, servers.port)) == (300, ['"v=spf1 -all"'])
    except dns.exception.Timeout:
        return False


def test_nothing_that_comes_over_tcp_stops_them(servers: NameServers, caplog: pytest.LogCaptureFixture) -> None:
    for wire in hostile():
        with socket.create_connection((FIRST, servers.port)) as sender, suppress(OSError):
            sender.sendall(struct.pack("!H", len(wire)) + wire)
            sender.shutdown(socket.SHUT_WR)
            while sender.recv(4096):
                pass
    assert txt(ask(servers, ZONE, tcp=True)) == (300, ['"v=spf1 -all"'])
    assert caplog.records == []
    assert servers.changes == []


def test_an_answer_is_never_answered(servers: NameServers) -> None:
    wire = dns.message.make_response(dns.message.make_query(ZONE, "TXT")).to_wire()
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.settimeout(0.2)
        sender.sendto(wire, (FIRST, servers.port))
        with pytest.raises(TimeoutError):
            sender.recv(4096)


# Beginning and end


def test_a_port_may_be_asked_for_and_is_free_again_at_the_end() -> None:
    with NameServers([ZoneSpec(ZONE)], "tsig-test", SECRET, (FIRST, SECOND)) as servers:
        port = servers.port
        with pytest.raises(OSError, match="in use"), NameServers([ZoneSpec(ZONE)], "tsig-test", SECRET, port=port):
            pass
        assert ask(servers, ZONE, "SOA", tcp=True).answer
    with NameServers([ZoneSpec(ZONE)], "tsig-test", SECRET, (FIRST, SECOND), port=port) as servers:
        assert servers.port == port
        assert ask(servers, ZONE, "SOA", SECOND, tcp=True).answer


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
def test_the_second_address_may_be_an_ipv6_one() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("::1 is not there")
    with NameServers([ZoneSpec(ZONE)], "tsig-test", SECRET, (FIRST, "::1")) as servers:
        assert ask(servers, f"ns2.{ZONE}", "AAAA", "::1").answer[0][0].to_text() == "::1"
