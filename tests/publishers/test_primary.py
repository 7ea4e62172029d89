"""The primary of a zone, found by the MNAME of its SOA where the settings name none."""

import secrets
import socket
from collections.abc import Iterator
from datetime import timedelta

import dns.message
import dns.rrset
import pytest
from pydantic import SecretStr

from config.publishers.rfc2136 import Rfc2136
from tests.adapters.middleman import SILENCE, Treatment, answered, listening
from tests.publishers.updates import ZONE, opened
from tests.real_servers import ADDRESS, RealServer, running_knot
from txtproof.adapters.publishers.rfc2136.primary import PrimarySearch
from txtproof.adapters.publishers.trouble import Trouble
from txtproof.core.observations import Blocked, Published, Unreachable, Withdrawn
from txtproof.core.reasons import Reason

SECRET = SecretStr("c2VjcmV0LW9mLXRoZS1yZWhlYXJzYWw=")
CODE = b"code"


def _zone(primary: str, *lines: str) -> str:
    soa = f"@ IN SOA {primary} hostmaster 1 3600 600 86400 5"
    return "\n".join(["$TTL 300", soa, "@ IN NS ns1", "ns1 IN A 127.0.0.1", '@ IN TXT "v=spf1 -all"', *lines, ""])


ZONES = {
    "nowhere.test": _zone("hidden.nowhere.test."),
    "root.test": _zone("."),
    "aliased.test": _zone("alias", "alias IN CNAME ns1"),
    "two.test": _zone("both", "both IN A 127.0.0.2", "both IN A 127.0.0.1", "both IN AAAA ::1"),
    "escaped.test": _zone(r"a\000\010b" + "c" * 50, "ns2 IN A 127.0.0.1"),
    **{f"{at.replace(':', '-')}.private.test": _zone("at", f"at IN {'AAAA' if ':' in at else 'A'} {at}") for at in (
        "10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.0.1", "0.0.0.0", "::1", "fd00::1", "fe80::1",
        "::ffff:10.0.0.1", "64:ff9b::a00:1",
    )},
}  # fmt: skip
PRIVATE = [zone for zone in ZONES if zone.endswith(".private.test")]


@pytest.fixture(scope="module")
def knows() -> Iterator[RealServer]:
    """Knot, asked as if it were a resolver of these zones."""
    with running_knot(ZONES) as server:
        yield server


def search(*resolvers: str, private: bool = True, port: int = 53) -> PrimarySearch:
    return PrimarySearch(resolvers, allow_private=private, port=port)


async def trouble(searched: PrimarySearch, zone: str) -> Blocked | Unreachable:
    """Return what a search comes to that finds nothing, and whose text must be fit for a person."""
    with pytest.raises(Trouble) as caught:
        await searched.servers(zone)
    answer = caught.value.answer
    assert isinstance(answer, Blocked | Unreachable)
    assert len(answer.detail) <= 200
    assert answer.detail.isprintable()
    assert "write `server`" in answer.detail
    return answer


# It is found


@pytest.mark.parametrize("kind", ["bind", "knot", "powerdns"])
async def test_a_publisher_without_a_server_writes_at_the_primary(request: pytest.FixtureRequest, kind: str) -> None:
    real: RealServer = request.getfixturevalue(kind)
    publisher = opened(
        None,
        SecretStr(real.tsig_secret),
        resolvers=(real.server,),
        allow_private_primary=True,
        primary_port=real.port,
    )
    name = f"n{secrets.token_hex(6)}.{ZONE}"
    assert await publisher.ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert real.values(name) == (60, [CODE])
    assert await publisher.read_txt(ZONE, name) == [CODE]
    assert await publisher.remove_txt(ZONE, name, CODE) == Withdrawn()


async def test_a_primary_may_have_an_alias_and_several_addresses(knows: RealServer) -> None:
    assert await search(knows.server).servers("aliased.test") == ("127.0.0.1:53",)
    found = await search(knows.server, port=5353).servers("two.test")
    assert set(found) == {"127.0.0.1:5353", "127.0.0.2:5353", "[::1]:5353"}


async def test_an_address_where_nobody_listens_is_passed_over(bind: RealServer, knows: RealServer) -> None:
    """Of the primary's addresses, BIND listens at one, and does not hold the zone: the SOA is out of date."""
    publisher = opened(
        None,
        SecretStr(bind.tsig_secret),
        resolvers=(knows.server,),
        allow_private_primary=True,
        primary_port=bind.port,
    )
    answer = await publisher.ensure_txt("two.test", "_verify.two.test", CODE, 60)
    assert isinstance(answer, Blocked)
    assert answer.reason is Reason.NO_ZONE
    assert bind.server in answer.detail
    assert "write `server`" in answer.detail


async def test_a_resolver_that_is_not_there_is_passed_over(knows: RealServer) -> None:
    assert await search(_closed(), knows.server).servers("aliased.test") == ("127.0.0.1:53",)


async def test_it_is_remembered_for_a_time() -> None:
    asked = 0

    async def count(wire: bytes) -> bytes:
        nonlocal asked
        asked += 1
        return _answering(wire)

    async with listening(count) as resolver:
        searched = search(resolver)
        first = await searched.servers(ZONE)
        assert await searched.servers(ZONE) == first == ("127.0.0.1:53",)
    assert asked == 3


# It is not found


async def test_a_zone_that_nobody_knows_is_named(knows: RealServer) -> None:
    answer = await trouble(search(knows.server), "www.aliased.test")
    assert isinstance(answer, Blocked)
    assert answer.reason is Reason.NO_ZONE
    assert "www.aliased.test" in answer.detail


@pytest.mark.parametrize("zone", ["nowhere.test", "root.test", "escaped.test"])
async def test_a_hidden_primary_has_to_be_configured(knows: RealServer, zone: str) -> None:
    answer = await trouble(search(knows.server), zone)
    assert isinstance(answer, Blocked)
    assert answer.reason is Reason.NO_ZONE
    assert zone in answer.detail


@pytest.mark.parametrize("zone", PRIVATE)
async def test_a_primary_outside_the_public_internet_is_refused(knows: RealServer, zone: str) -> None:
    answer = await trouble(search(knows.server, private=False), zone)
    assert isinstance(answer, Blocked)
    assert answer.reason is Reason.NO_ZONE
    assert "allow_private_primary" in answer.detail
    assert len(await search(knows.server).servers(zone)) == 1


async def test_a_primary_that_does_not_listen_is_nobody_there_and_may_be_hidden(knows: RealServer) -> None:
    _, _, port = _closed().rpartition(":")
    publisher = opened(None, SECRET, resolvers=(knows.server,), allow_private_primary=True, primary_port=int(port))
    answer = await publisher.ensure_txt("aliased.test", "_verify.aliased.test", CODE, 60)
    assert isinstance(answer, Unreachable)
    assert answer.reason is Reason.PUBLISHER_UNREACHABLE
    assert "aliased.test" in answer.detail
    assert "write `server`" in answer.detail
    assert await publisher.read_txt("aliased.test", "_verify.aliased.test") is None


# Resolvers that do not help


async def _silent(wire: bytes) -> None:
    return SILENCE


async def _garbage(wire: bytes) -> bytes:
    return b"\x00garbage"


async def _failing(wire: bytes) -> bytes:
    return answered(wire, dns.rcode.SERVFAIL, None)


async def _of_another(wire: bytes) -> bytes:
    return b"\xff\xff" + _answering(wire)[2:]


async def _heavy(wire: bytes) -> bytes:
    """What keeps dnspython busy for seconds: name servers with names of 126 labels."""
    answer = dns.message.from_wire(_answering(wire))
    names = [f"{number}." + "a." * 120 for number in range(100)]
    answer.authority.append(dns.rrset.from_text_list(answer.question[0].name, 60, "IN", "NS", names))
    return answer.to_wire()


@pytest.mark.parametrize("treat", [_garbage, _failing, _of_another, _heavy], ids=lambda one: one.__name__[1:])
async def test_a_resolver_that_says_nothing_of_use_is_tried_again_later(treat: Treatment) -> None:
    async with listening(treat) as resolver:
        answer = await trouble(search(resolver), ZONE)
    assert isinstance(answer, Unreachable)
    assert answer.reason is Reason.PUBLISHER_UNREACHABLE


async def test_a_silent_resolver_ends_with_the_call() -> None:
    async with listening(_silent) as resolver:
        publisher = opened(None, SECRET, 0.3, resolvers=(resolver,))
        answer = await publisher.ensure_txt(ZONE, f"_verify.{ZONE}", CODE, 60)
    assert isinstance(answer, Unreachable)
    assert answer.reason is Reason.PUBLISHER_UNREACHABLE


# The settings

GIVEN = {
    "name": "corp",
    "kind": "rfc2136",
    "zones": ("example.test",),
    "tsig_name": "tsig-test",
    "tsig_secret": SECRET,
}


def test_the_settings_may_leave_the_server_out() -> None:
    options = Rfc2136.model_validate({**GIVEN, "resolvers": ("192.0.2.53:53",)}).options(timedelta(seconds=1))
    assert options.server is None
    assert options.resolvers == ("192.0.2.53:53",)
    assert not options.allow_private_primary


@pytest.mark.parametrize("wrong", [{"server": ""}, {"server": "ns1.example"}, {"resolvers": ("ns1.example",)}])
def test_a_server_and_a_resolver_are_addresses_with_ports(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is no address and port: write"):
        Rfc2136.model_validate({**GIVEN, **wrong})


def _closed() -> str:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return f"{ADDRESS}:{probe.getsockname()[1]}"


def _answering(wire: bytes) -> bytes:
    """Answer that the zone's primary is at 127.0.0.1."""
    query = dns.message.from_wire(wire)
    response = dns.message.make_response(query)
    asked = query.question[0]
    data = {"SOA": "ns1.example.test. h.example.test. 1 2 3 4 5", "A": "127.0.0.1"}
    kind = dns.rdatatype.to_text(asked.rdtype)
    if kind in data:
        response.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, data[kind]))
    return response.to_wire()
