"""Both ways to read an answer say the same of what real servers say, as it came and with octets changed."""

import socket
import struct
from contextlib import closing

import dns.message
import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.real_servers import RealServer
from txtproof.adapters.dns import reading
from txtproof.adapters.dns.exchange import Reply
from txtproof.adapters.dns.question import question_for, section
from txtproof.adapters.dns.short_path import Plain, read
from txtproof.adapters.dns.verdict import Answer
from txtproof.core.values import replace

Recorded = tuple[str, bytes]
"""The name that was asked for, and the answer."""

PLACES = (
    "_verify.served",
    "_verify.old",
    "_verify.others",
    "_verify.altered",
    "_verify.nothing",
    "nothing",
    "_verify.between",
    "_verify.alias",
    "any.wild",
    "_verify.lame",
    "_verify.full",
    "nowhere",
)


def asked(server: RealServer, name: str, *, tcp: bool) -> bytes:
    message = b"\x12\x34" + (question_for(name) or b"")
    with closing(socket.socket(type=socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)) as ours:
        ours.settimeout(5)
        ours.connect((server.address, server.port))
        if not tcp:
            ours.sendall(message)
            return ours.recv(65_535)
        ours.sendall(struct.pack("!H", len(message)) + message)
        with ours.makefile("rb") as stream:
            return stream.read(struct.unpack("!H", stream.read(2))[0])


@pytest.fixture(scope="module")
def recorded(
    real_bind: RealServer, real_knot: RealServer, real_powerdns: RealServer, real_nsd: RealServer
) -> list[Recorded]:
    """What four servers say of every mistake in their zones, over UDP and TCP."""
    homes = (("bind", real_bind), ("knot", real_knot), ("powerdns", real_powerdns))
    names = [(server, f"{place}.{home}.test") for home, server in homes for place in PLACES]
    names += [(real_nsd, name) for name in ("test", "nowhere.test", "_verify.bind.test", "a.knot.test")]
    return [(name, asked(server, name, tcp=tcp)) for server, name in names for tcp in (False, True)]


def both(name: str, octets: bytes) -> Plain | None:
    """Read both ways; what is read the short way must be what dnspython reads."""
    plain = read(octets, section(question_for(name) or b""))
    if plain is not None:
        owner = dns.name.from_text(name)
        message = dns.message.from_wire(octets)
        assert reading.referral(message, owner, dns.name.root) is None
        assert reading.alias(message, owner) is None
        long = reading.answer("ns", "address", Reply(message), owner)
        short = Answer("ns", "address", 0, None, plain.rcode, plain.authoritative, plain.recursive)
        assert long == replace(short, values=plain.values, serial=plain.serial)
    return plain


def test_most_of_what_real_servers_say_is_plain_and_read_alike(recorded: list[Recorded]) -> None:
    plain = [both(name, octets) is not None for name, octets in recorded]
    assert sum(plain) > len(plain) / 2


@given(data=st.data())
def test_what_was_changed_on_the_way_is_read_alike_or_not_at_all(recorded: list[Recorded], data: st.DataObject) -> None:
    name, octets = data.draw(st.sampled_from(recorded))
    changed = bytearray(octets[:2_000] if data.draw(st.booleans()) else octets)
    for at, octet in data.draw(st.lists(st.tuples(st.integers(2, 600), st.integers(0, 255)), max_size=3)):
        changed[at % len(changed)] = octet
    both(name, bytes(changed))
