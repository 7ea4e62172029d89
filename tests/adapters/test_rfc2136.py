"""The publisher for RFC 2136: what it answers when the server, the key, the name or the network is not as hoped."""

import asyncio
import itertools
import secrets
import socket
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta

import dns.rcode
import dns.tsig
import pytest
from pydantic import SecretStr

from tests.adapters.middleman import SILENCE, answered, forwarded, is_update, listening, tsig_refused
from tests.real_servers import GRANTED, RealServer
from txtproof.adapters.dns_stream import Stream, connected
from txtproof.adapters.publishers.rfc2136 import signed_exchange
from txtproof.adapters.publishers.rfc2136.publisher import Rfc2136Options, Rfc2136Publisher
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    PublishAnswer,
    Published,
    Unreachable,
    WithdrawAnswer,
    Withdrawn,
)
from txtproof.core.reasons import Reason
from txtproof.rehearsal.name_server import NameServers, ZoneSpec

ZONE = "example.test"
SECRET = b64encode(b"the secret of the rehearsal's key").decode()
CODE = b"the-code-that-must-never-be-shown"
KEY = dns.tsig.Key("tsig-test", SECRET, dns.tsig.HMAC_SHA256)


@pytest.fixture
def rehearsal() -> Iterator[NameServers]:
    with NameServers([ZoneSpec(ZONE)], "tsig-test", SECRET, addresses=("127.0.0.1",)) as servers:
        yield servers


@pytest.fixture(params=["rehearsal", "bind", "knot", "powerdns"])
def server(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Address and secret of a name server that works."""
    found: RealServer | NameServers = request.getfixturevalue(request.param)
    if isinstance(found, RealServer):
        return found.server, found.tsig_secret
    return found.resolver, SECRET


@pytest.fixture(params=["bind", "knot", "powerdns"])
def real(request: pytest.FixtureRequest) -> RealServer:
    found: RealServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def name() -> str:
    return f"n{secrets.token_hex(6)}.{ZONE}"


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The connections that the publisher opens, as they are opened."""
    opened: list[object] = []

    async def open_and_count(address: str, port: int) -> Stream:
        opened.append((address, port))
        return await connected(address, port)

    monkeypatch.setattr(signed_exchange, "connected", open_and_count)
    return opened


def publisher(server: str, secret: str = SECRET, *, key: str = "tsig-test", seconds: float = 20) -> Rfc2136Publisher:
    return Rfc2136Publisher(
        Rfc2136Options(
            name="corp",
            zones=(ZONE,),
            server=server,
            tsig_name=key,
            tsig_secret=SecretStr(secret),
            call_timeout=timedelta(seconds=seconds),
        )
    )


def on(real: RealServer) -> Rfc2136Publisher:
    return publisher(real.server, real.tsig_secret)


def reason(answer: PublishAnswer | WithdrawAnswer) -> Reason:
    """Return the reason of a failure, whose text must be fit for a log and a person."""
    assert isinstance(answer, Blocked | Unreachable | Ambiguous), answer
    assert answer.detail
    assert len(answer.detail) <= 200
    assert answer.detail.isprintable()
    assert CODE.decode() not in repr(answer)
    assert SECRET not in repr(answer)
    return answer.reason


# The key


async def test_a_wrong_secret_is_a_matter_for_a_person(server: tuple[str, str], name: str) -> None:
    answer = await publisher(server[0], b64encode(b"another").decode()).ensure_txt(ZONE, name, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_AUTH
    assert "tsig_secret" in answer.detail


async def test_an_unknown_key_is_a_matter_for_a_person(server: tuple[str, str], name: str) -> None:
    answer = await publisher(*server, key="nobody").ensure_txt(ZONE, name, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_AUTH
    assert "tsig_name" in answer.detail


async def test_clocks_that_disagree_are_called_that(name: str) -> None:
    async def disagree(wire: bytes) -> bytes:
        return tsig_refused(wire, dns.rcode.BADTIME)

    async with listening(disagree) as server:
        answer = await publisher(server).ensure_txt(ZONE, name, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_AUTH
    assert "clock" in answer.detail


@pytest.mark.parametrize(
    ("key", "algorithm", "secret", "named"),
    [
        ("tsig-test", "hmac-sha256", "not base64!", "tsig_secret"),
        ("tsig-test", "hmac-sha256", "c2VjcmV0LW9mLW91cnM", "tsig_secret"),
        ("tsig-test", "hmac-sha256", "", "tsig_secret"),
        ("tsig-test", "hmac-sha256", "\u2603", "tsig_secret"),
        ("tsig-test", "hmac-sha3", SECRET, "tsig_algorithm"),
        ("tsig-test", "gss-tsig", SECRET, "tsig_algorithm"),
        ("tsig-test", "..", SECRET, "tsig_algorithm"),
        ("tsig-test", "", SECRET, "tsig_algorithm"),
        ("tsig..test", "hmac-sha256", SECRET, "tsig_name"),
        ("", "hmac-sha256", SECRET, "tsig_name"),
        ("a" * 64, "hmac-sha256", SECRET, "tsig_name"),
    ],
    ids=itertools.count(),
)
def test_a_key_that_cannot_be_one_is_refused_at_the_start(key: str, algorithm: str, secret: str, named: str) -> None:
    options = Rfc2136Options("corp", (ZONE,), "127.0.0.1:53", key, SecretStr(secret), algorithm)
    with pytest.raises(ValueError, match=named) as refused:
        Rfc2136Publisher(options)
    assert not secret or secret not in str(refused.value)


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "HMAC-SHA512", "hmac-sha256.", "hmac-sha384"])
def test_the_usual_algorithms_are_known(algorithm: str) -> None:
    Rfc2136Publisher(Rfc2136Options("corp", (ZONE,), "127.0.0.1:53", "tsig-test", SecretStr(SECRET), algorithm))


def test_no_secret_is_shown() -> None:
    options = Rfc2136Options("corp", (ZONE,), "127.0.0.1:53", "tsig-test", SecretStr(SECRET))
    assert SECRET not in repr(options)
    assert SECRET not in repr(Rfc2136Publisher(options))


# The zone, the name and the value


async def test_a_zone_that_is_not_held_is_named(server: tuple[str, str]) -> None:
    foreign = "foreign.invalid"
    answer = await publisher(*server).ensure_txt(foreign, f"_verify.{foreign}", CODE, 60)
    assert reason(answer) is Reason.NO_ZONE
    assert reason(await publisher(*server).remove_txt(foreign, f"_verify.{foreign}", CODE)) is Reason.NO_ZONE
    assert await publisher(*server).read_txt(foreign, f"_verify.{foreign}") is None


async def test_a_name_outside_the_zone_is_not_served_from_it(real: RealServer) -> None:
    before = real.snapshot("other.test")
    answer = await on(real).ensure_txt(ZONE, "_verify.other.test", CODE, 60)
    assert reason(answer) is Reason.NOT_SERVED
    assert real.snapshot("other.test") == before


async def test_a_name_that_the_key_may_not_write_is_refused(bind: RealServer) -> None:
    answer = await on(bind).ensure_txt("sub.example.test", "elsewhere.sub.example.test", CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_REFUSED


async def test_the_one_name_that_the_key_may_write_is_written(bind: RealServer) -> None:
    before = bind.snapshot("sub.example.test")
    assert await on(bind).ensure_txt("sub.example.test", GRANTED, CODE, 60) == Published(changed=True)
    assert await on(bind).remove_txt("sub.example.test", GRANTED, CODE) == Withdrawn()
    assert bind.snapshot("sub.example.test") == before


async def test_nothing_need_be_allowed_to_find_that_nothing_stands_there(bind: RealServer) -> None:
    assert await on(bind).remove_txt("sub.example.test", "elsewhere.sub.example.test", CODE) == Withdrawn()


async def test_a_txt_beside_a_cname_is_refused_before_it_is_lost(real: RealServer) -> None:
    before = real.snapshot(ZONE)
    answer = await on(real).ensure_txt(ZONE, f"alias.{ZONE}", CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.NAME_IS_CNAME
    assert f"www.{ZONE}" in answer.detail
    assert real.snapshot(ZONE) == before
    assert await on(real).remove_txt(ZONE, f"alias.{ZONE}", CODE) == Withdrawn()


async def test_a_cname_is_found_on_the_rehearsal_too(rehearsal: NameServers) -> None:
    rehearsal.put(ZONE, f"alias.{ZONE}", "CNAME", 300, f"{'w' * 60}.{'x' * 60}.{'y' * 60}.{ZONE}.")
    assert reason(await publisher(rehearsal.resolver).ensure_txt(ZONE, f"alias.{ZONE}", CODE, 60)) is (
        Reason.NAME_IS_CNAME
    )
    assert rehearsal.changes == []


@pytest.mark.parametrize("child", ["delegated", "sub"], ids=["on another server", "on the same server"])
async def test_a_name_of_a_delegated_child_is_not_written_to_the_parent(real: RealServer, child: str) -> None:
    before = real.snapshot(ZONE)
    answer = await on(real).ensure_txt(ZONE, f"_verify-me.{child}.{ZONE}", CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.NOT_SERVED
    assert real.snapshot(ZONE) == before


async def test_what_was_lost_below_a_delegation_is_taken_back(real: RealServer) -> None:
    """The child's own TXT set at the name looks like the parent's: only the read-back tells."""
    child = f"sub.{ZONE}"
    real.put(child, GRANTED, "TXT", 300, '"of the child"')
    before = real.snapshot(ZONE)
    answer = await on(real).ensure_txt(ZONE, GRANTED, CODE, 60)
    assert reason(answer) is Reason.NOT_SERVED
    assert real.snapshot(ZONE) == before
    assert real.values(GRANTED) == (300, [b"of the child"])
    real.put(child, GRANTED, "TXT", 300)


async def test_a_name_below_a_wildcard_gets_a_set_of_its_own(real: RealServer) -> None:
    name = f"{secrets.token_hex(6)}.wild-text.{ZONE}"
    before = real.snapshot(ZONE)
    assert real.values(name) == (120, [b"from the wildcard"])
    assert await on(real).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert real.values(name) == (60, [CODE])
    assert await on(real).ensure_txt(ZONE, name, b"next", 60, [CODE]) == Published(changed=True)
    assert await on(real).remove_txt(ZONE, name, b"next") == Withdrawn()
    assert real.snapshot(ZONE) == before


async def test_a_name_takes_precedence_over_a_wildcard_cname(real: RealServer) -> None:
    name = f"{secrets.token_hex(6)}.wild-alias.{ZONE}"
    before = real.snapshot(ZONE)
    assert await on(real).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert real.values(name) == (60, [CODE])
    assert await on(real).remove_txt(ZONE, name, CODE) == Withdrawn()
    assert real.snapshot(ZONE) == before


@pytest.mark.parametrize("length", [0, 65_001, 65_536, 200_000])
async def test_a_value_that_no_record_can_hold_is_refused(rehearsal: NameServers, name: str, length: int) -> None:
    answer = await publisher(rehearsal.resolver).ensure_txt(ZONE, name, b"x" * length, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.INVALID_VALUE
    assert rehearsal.changes == []


async def test_a_change_that_fits_into_no_message_is_refused(rehearsal: NameServers, name: str) -> None:
    long = b"x" * 40_000
    sender = publisher(rehearsal.resolver)
    assert await sender.ensure_txt(ZONE, name, long, 60) == Published(changed=True)
    assert reason(await sender.ensure_txt(ZONE, name, long[::-1] + b"y", 60, [long])) is Reason.INVALID_VALUE


# The network


async def test_a_closed_port_is_nobody_there(name: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{probe.getsockname()[1]}"
    for answer in (
        await publisher(server).ensure_txt(ZONE, name, CODE, 60),
        await publisher(server).remove_txt(ZONE, name, CODE),
    ):
        assert isinstance(answer, Unreachable)
        assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert await publisher(server).read_txt(ZONE, name) is None


async def test_a_server_that_never_answers_has_changed_nothing(name: str) -> None:
    async def ignore(wire: bytes) -> None:
        return SILENCE

    async with listening(ignore) as server:
        answer = await publisher(server, seconds=0.3).ensure_txt(ZONE, name, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("ending", ["silence", "end", "garbage"])
async def test_an_update_without_an_answer_may_have_taken_effect(
    rehearsal: NameServers, name: str, applied: bool, ending: str
) -> None:
    async def lose_the_answer(wire: bytes) -> bytes | None:
        if not is_update(wire):
            return await forwarded(wire, rehearsal.resolver)
        if applied:
            await forwarded(wire, rehearsal.resolver)
        if ending == "end":
            raise EOFError
        return SILENCE if ending == "silence" else b"\x00garbage"

    direct = publisher(rehearsal.resolver)
    async with listening(lose_the_answer) as server:
        answer = await publisher(server, seconds=0.5).ensure_txt(ZONE, name, CODE, 60)
        assert isinstance(answer, Ambiguous)
        assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
        assert await direct.ensure_txt(ZONE, name, CODE, 60) == Published(changed=not applied)
        gone = await publisher(server, seconds=0.5).remove_txt(ZONE, name, CODE)
        assert isinstance(gone, Ambiguous)
    assert await direct.remove_txt(ZONE, name, CODE) == Withdrawn()
    assert await direct.read_txt(ZONE, name) == []


async def test_an_answer_lost_after_the_update_is_no_doubt_about_it(rehearsal: NameServers, name: str) -> None:
    updated = False

    async def fall_silent(wire: bytes) -> bytes | None:
        nonlocal updated
        if updated:
            return SILENCE
        updated = is_update(wire)
        return await forwarded(wire, rehearsal.resolver)

    async with listening(fall_silent) as server:
        answer = await publisher(server, seconds=0.5).ensure_txt(ZONE, name, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert await publisher(rehearsal.resolver).ensure_txt(ZONE, name, CODE, 60) == Published(changed=False)


async def test_a_cancelled_call_stays_cancelled(name: str) -> None:
    async def ignore(wire: bytes) -> None:
        return SILENCE

    async with listening(ignore) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await publisher(server).ensure_txt(ZONE, name, CODE, 60)


# The connection


class Between:
    """Pass everything on to a server; count what comes."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.messages = 0
        self.updates = 0

    async def __call__(self, wire: bytes) -> bytes | None:
        self.messages += 1
        self.updates += is_update(wire)
        return await forwarded(wire, self._server)


async def test_a_call_takes_one_connection(server: tuple[str, str], name: str, connections: list[object]) -> None:
    sender = publisher(*server)
    assert await sender.ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert len(connections) == 1
    assert await sender.remove_txt(ZONE, name, CODE) == Withdrawn()
    assert len(connections) == 2


@pytest.mark.parametrize("answers", [1, 2])
async def test_a_server_may_hang_up_between_two_messages(rehearsal: NameServers, name: str, answers: int) -> None:
    between = Between(rehearsal.resolver)
    async with listening(between, answers) as server:
        sender = publisher(server)
        assert await sender.ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
        assert await sender.ensure_txt(ZONE, name, b"next", 60, [CODE]) == Published(changed=True)
        assert await sender.remove_txt(ZONE, name, b"next") == Withdrawn()
    assert between.updates == 3


async def test_an_update_is_not_sent_twice_where_its_connection_ends(rehearsal: NameServers, name: str) -> None:
    between = Between(rehearsal.resolver)

    async def hang_up(wire: bytes) -> bytes | None:
        answer = await between(wire)
        if is_update(wire):
            raise EOFError
        return answer

    async with listening(hang_up) as server:
        sender = publisher(server)
        assert isinstance(await sender.ensure_txt(ZONE, name, CODE, 60), Ambiguous)
        assert between.updates == 1
        assert await sender.ensure_txt(ZONE, name, CODE, 60) == Published(changed=False)


async def test_a_question_is_put_anew_where_its_connection_ends(rehearsal: NameServers, name: str) -> None:
    between = Between(rehearsal.resolver)

    async def hang_up_on_the_read_back(wire: bytes) -> bytes | None:
        answer = await between(wire)
        if between.messages == 3:
            raise EOFError
        return answer

    async with listening(hang_up_on_the_read_back) as server:
        assert await publisher(server).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    assert (between.messages, between.updates) == (4, 1)


async def test_once_hung_up_on_each_message_has_a_connection_of_its_own(
    rehearsal: NameServers, name: str, connections: list[object]
) -> None:
    async with listening(Between(rehearsal.resolver), 1) as server:
        sender = publisher(server)
        assert await sender.ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
        connections.clear()
        assert await sender.ensure_txt(ZONE, name, b"next", 60, [CODE]) == Published(changed=True)
        assert len(connections) == 3


# What the server answers


ANSWERS = {
    dns.rcode.SERVFAIL: (Unreachable, Reason.PUBLISHER_UNREACHABLE),
    dns.rcode.REFUSED: (Blocked, Reason.PUBLISHER_REFUSED),
    dns.rcode.NOTAUTH: (Blocked, Reason.NO_ZONE),
    dns.rcode.NOTZONE: (Blocked, Reason.NO_ZONE),
    dns.rcode.NOTIMP: (Blocked, Reason.PUBLISHER_REFUSED),
    dns.rcode.FORMERR: (Blocked, Reason.INVALID_VALUE),
    dns.rcode.BADVERS: (Unreachable, Reason.PUBLISHER_UNREACHABLE),
}


@pytest.mark.parametrize(("rcode", "meant"), ANSWERS.items(), ids=map(dns.rcode.to_text, ANSWERS))
async def test_each_answer_to_an_update_has_its_meaning(
    rehearsal: NameServers, name: str, rcode: dns.rcode.Rcode, meant: tuple[type, Reason]
) -> None:
    async def answer_updates(wire: bytes) -> bytes:
        return answered(wire, rcode, KEY) if is_update(wire) else await forwarded(wire, rehearsal.resolver)

    async with listening(answer_updates) as server:
        answer = await publisher(server).ensure_txt(ZONE, name, CODE, 60)
    assert (type(answer), reason(answer)) == meant


async def test_a_servfail_to_the_question_is_nobody_there(name: str) -> None:
    async def fail(wire: bytes) -> bytes:
        return answered(wire, dns.rcode.SERVFAIL, KEY)

    async with listening(fail) as server:
        assert isinstance(await publisher(server).ensure_txt(ZONE, name, CODE, 60), Unreachable)


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.SERVFAIL], ids=["NOERROR", "SERVFAIL"])
async def test_an_unsigned_answer_is_not_believed(name: str, rcode: dns.rcode.Rcode) -> None:
    async def forge(wire: bytes) -> bytes:
        return answered(wire, rcode, None)

    async with listening(forge) as server:
        answer = await publisher(server).ensure_txt(ZONE, name, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) in {Reason.PUBLISHER_AUTH, Reason.NO_ZONE}


# Races


async def test_a_neighbour_that_comes_between_reading_and_writing_keeps_its_ttl(
    rehearsal: NameServers, name: str
) -> None:
    updates = 0

    async def put_before_the_first_update(wire: bytes) -> bytes:
        nonlocal updates
        updates += is_update(wire)
        if updates == 1:
            rehearsal.put(ZONE, name, "TXT", 300, '"v=spf1 -all"')
        return await forwarded(wire, rehearsal.resolver)

    async with listening(put_before_the_first_update) as server:
        assert await publisher(server).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    ttls = {(kind, ttl) for owner, kind, ttl, _ in rehearsal.snapshot(ZONE) if owner == f"{name}."}
    assert ttls == {("TXT", 300)}


async def test_a_set_that_never_stands_still_is_a_conflict(rehearsal: NameServers, name: str) -> None:
    async def refuse_updates(wire: bytes) -> bytes:
        return answered(wire, dns.rcode.NXRRSET, KEY) if is_update(wire) else await forwarded(wire, rehearsal.resolver)

    async with listening(refuse_updates) as server:
        answer = await publisher(server).ensure_txt(ZONE, name, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.CONFLICT


async def test_a_set_whose_values_never_stand_still_is_written_all_the_same(rehearsal: NameServers, name: str) -> None:
    """Where many write at one name, somebody always comes first."""
    changes = 0

    async def change_before_every_update(wire: bytes) -> bytes:
        nonlocal changes
        if is_update(wire):
            changes += 1
            rehearsal.put(ZONE, name, "TXT", 300, f'"{changes}"')
        return await forwarded(wire, rehearsal.resolver)

    async with listening(change_before_every_update) as server:
        assert await publisher(server).ensure_txt(ZONE, name, CODE, 60) == Published(changed=True)
    found = {(kind, ttl, text) for owner, kind, ttl, text in rehearsal.snapshot(ZONE) if owner == f"{name}."}
    assert found == {("TXT", 300, f'"{changes}"'), ("TXT", 300, f'"{CODE.decode()}"')}
