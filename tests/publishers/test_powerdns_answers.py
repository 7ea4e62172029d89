"""The publisher for PowerDNS on a stand-in: the requests it makes, and answers that no real server gives on demand."""

import asyncio
import itertools
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.publishers.powerdns_answers import CODE, NEIGHBOUR, ZONE, listened, reason
from tests.publishers.powerdns_answers import publisher as made
from tests.publishers.powerdns_api import text
from tests.publishers.powerdns_stand_in import API_KEY, Fault, PowerDnsStandIn, Stored
from txtproof.adapters.publishers.powerdns import api as powerdns_api
from txtproof.adapters.publishers.powerdns import publisher as powerdns
from txtproof.adapters.publishers.powerdns.publisher import PowerDnsOptions, PowerDnsPublisher
from txtproof.adapters.publishers.powerdns.records import joined, quoted
from txtproof.core.observations import Ambiguous, Blocked, Published, Unreachable, Withdrawn
from txtproof.core.reasons import Reason

NAME = f"_verify.{ZONE}"
SECONDS = timedelta(seconds=30)


@pytest.fixture(autouse=True)
async def nothing_is_shown(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    async with listened(caplog, API_KEY):
        yield


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powerdns, "PAUSES", (0.001, 0.001))


@pytest.fixture
def stand_in() -> Iterator[PowerDnsStandIn]:
    with PowerDnsStandIn() as running:
        yield running


@pytest.fixture(params=["5.0.2", "5.1.0", "4.9.12", "5.0.1", "4.9.11", "4.7.3"])
def any_version(request: pytest.FixtureRequest) -> Iterator[PowerDnsStandIn]:
    with PowerDnsStandIn(request.param) as running:
        yield running


def on(stand_in: PowerDnsStandIn, *, seconds: float = 20) -> PowerDnsPublisher:
    return made(stand_in.url, API_KEY, seconds=seconds)


def changes(stand_in: PowerDnsStandIn) -> list[str]:
    return [what for method, what in stand_in.requests if method == "PATCH"]


@pytest.mark.parametrize("resets", [False, True])
async def test_whoever_is_hung_up_on_is_told_who_may_call_however_it_is_done(resets: bool) -> None:
    """PowerDNS closes the connection: whether that is a reset depends on what had come by then."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if resets:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        answer = await made(url, API_KEY, seconds=20).ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert answer.detail == f"{url}: no answer (hung up; webserver-allow-from says who may call)"


# What is asked and sent


@pytest.mark.parametrize(
    ("version", "added", "swapped", "removed"),
    [
        ("5.0.2", "EXTEND", "EXTEND PRUNE", "PRUNE"),
        ("5.1.0", "EXTEND", "EXTEND PRUNE", "PRUNE"),
        ("4.9.12", "EXTEND", "EXTEND PRUNE", "PRUNE"),
        ("5.0.1", "REPLACE", "REPLACE", "REPLACE"),
        ("4.9.11", "REPLACE", "REPLACE", "REPLACE"),
        ("4.7.3", "REPLACE", "REPLACE", "REPLACE"),
    ],
)
async def test_a_change_is_one_request_of_the_kind_that_the_server_takes(
    version: str, added: str, swapped: str, removed: str
) -> None:
    with PowerDnsStandIn(version) as stand_in:
        stand_in.put(NAME, 300, [NEIGHBOUR])
        before = stand_in.snapshot()
        sender = on(stand_in)
        assert await sender.ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
        assert await sender.ensure_txt(ZONE, NAME, b"next", 60, [CODE]) == Published(changed=True)
        assert await sender.remove_txt(ZONE, NAME, b"next") == Withdrawn()
        assert changes(stand_in) == [added, swapped, removed]
        assert stand_in.requests.count(("GET", "server")) == 1
        assert stand_in.snapshot() == before


async def test_what_stands_already_costs_two_questions(stand_in: PowerDnsStandIn) -> None:
    stand_in.put(NAME, 300, [CODE])
    assert await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=False)
    assert stand_in.requests == [("GET", f"rrset_name={NAME}.")], "the other one is for a zone that is not there"


async def test_disabled_neighbours_stay_on_every_version(any_version: PowerDnsStandIn) -> None:
    any_version.write(NAME, "TXT", Stored(300, text(b"v=spf1 -all")), Stored(300, text(NEIGHBOUR), disabled=True))
    before = any_version.snapshot()
    sender = on(any_version)
    assert await sender.ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
    assert await sender.ensure_txt(ZONE, NAME, b"next", 60, [CODE]) == Published(changed=True)
    assert await sender.remove_txt(ZONE, NAME, b"next") == Withdrawn()
    assert any_version.snapshot() == before


async def test_a_server_that_says_its_version_and_refuses_single_records_is_remembered(
    stand_in: PowerDnsStandIn,
) -> None:
    refusal = Fault("PATCH", 422, body=b'{"error": "Changetype not understood"}')
    stand_in.script(refusal)
    sender = on(stand_in)
    assert await sender.ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
    assert await sender.remove_txt(ZONE, NAME, CODE) == Withdrawn()
    assert changes(stand_in) == ["REPLACE", "REPLACE"]


@pytest.mark.parametrize("version", ["", "git-abcdef", "0.0.1234", "\u0665.0.2", "9" * 5000])
async def test_a_version_that_says_nothing_is_taken_for_an_old_one(version: str) -> None:
    with PowerDnsStandIn("4.7.3") as stand_in:
        stand_in.version = version
        assert await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
        assert changes(stand_in) == ["REPLACE"]


async def test_a_secondary_kind_is_not_written(stand_in: PowerDnsStandIn) -> None:
    for kind in ("Slave", "Secondary", "Consumer"):
        stand_in.kind = kind
        assert reason(await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60)) is Reason.PUBLISHER_REFUSED
    assert changes(stand_in) == []


# Somebody else at the same time


async def test_a_neighbour_that_comes_in_between_stays(stand_in: PowerDnsStandIn) -> None:
    stand_in.put(NAME, 300, [NEIGHBOUR])
    stand_in.before_next_change(lambda: stand_in.put(NAME, 300, [NEIGHBOUR], [b"newcomer"]))
    assert await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
    assert stand_in.values(NAME) == (300, sorted([NEIGHBOUR, b"newcomer", CODE]))


@pytest.mark.parametrize("version", ["5.0.2", "5.1.0"])
async def test_a_set_that_comes_in_between_keeps_its_ttl(version: str) -> None:
    with PowerDnsStandIn(version) as stand_in:
        stand_in.before_next_change(lambda: stand_in.put(NAME, 300, [NEIGHBOUR]))
        assert await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
        assert stand_in.values(NAME) == (300, sorted([NEIGHBOUR, CODE]))


async def test_a_cname_that_comes_in_between_is_found() -> None:
    with PowerDnsStandIn("4.7.3") as stand_in:
        stand_in.before_next_change(lambda: stand_in.write(NAME, "CNAME", Stored(300, "www.example.test.")))
        answer = await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60)
        assert reason(answer) is Reason.NAME_IS_CNAME
        assert stand_in.values(NAME) == (None, [])


async def test_who_overwrites_us_each_time_is_a_conflict(stand_in: PowerDnsStandIn) -> None:
    stand_in.script(*[Fault("PATCH", 204) for _ in range(3)])
    answer = await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.CONFLICT
    stand_in.put(NAME, 300, [CODE])
    stand_in.script(*[Fault("PATCH", 204) for _ in range(3)])
    assert reason(await on(stand_in).remove_txt(ZONE, NAME, CODE)) is Reason.CONFLICT


async def test_who_overwrites_us_once_is_outlasted(stand_in: PowerDnsStandIn) -> None:
    stand_in.script(Fault("PATCH", 204))
    assert await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=True)
    assert stand_in.values(NAME) == (60, [CODE])


# Answers


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize(
    ("status", "headers", "told", "wait"),
    [
        (429, {"Retry-After": "7"}, Reason.RATE_LIMITED, 7),
        (429, {}, Reason.RATE_LIMITED, None),
        (503, {"Retry-After": "9"}, Reason.PUBLISHER_UNREACHABLE, 9),
        (500, {}, Reason.PUBLISHER_UNREACHABLE, None),
        (408, {}, Reason.PUBLISHER_UNREACHABLE, None),
        (401, {}, Reason.PUBLISHER_AUTH, None),
        (403, {}, Reason.PUBLISHER_REFUSED, None),
        (400, {}, Reason.PUBLISHER_REFUSED, None),
        (413, {}, Reason.PUBLISHER_REFUSED, None),
        (302, {"Location": "http://127.0.0.1:1/"}, Reason.PUBLISHER_REFUSED, None),
        (404, {}, Reason.NO_ZONE, None),
    ],
)
async def test_a_status_has_one_meaning(
    stand_in: PowerDnsStandIn, method: str, status: int, headers: dict[str, str], told: Reason, wait: int | None
) -> None:
    stand_in.script(*[Fault(method, status, headers) for _ in range(3)])
    answer = await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60)
    assert reason(answer) is told
    assert getattr(answer, "retry_after", None) == (None if wait is None else timedelta(seconds=wait))
    assert stand_in.values(NAME) == (None, [])
    if method == "GET":
        stand_in.script(Fault(method, status, headers))
        assert await on(stand_in).read_txt(ZONE, NAME) is None


@pytest.mark.parametrize(
    ("said", "told", "shown"),
    [
        (f"Record {NAME}./TXT '{CODE.decode()}': Parsing failed", Reason.INVALID_VALUE, ""),
        (f"RRset {NAME}. IN TXT: Name is out of zone", Reason.NO_ZONE, ""),
        (f"Could not find domain '{ZONE}.'", Reason.NO_ZONE, ""),
        (f"RRset {NAME}. IN TXT: Conflicts with pre-existing RRset", Reason.NAME_IS_CNAME, ""),
        (f"RRset {NAME}. IN TXT: conflicts with existing CNAME RRset of the same name", Reason.NAME_IS_CNAME, ""),
        ("Hosting backend does not support editing records.", Reason.PUBLISHER_REFUSED, "does not support editing"),
        (f'Duplicate record with content ""{NEIGHBOUR.decode()}""', Reason.PUBLISHER_REFUSED, ""),
        (f"what is this: {API_KEY}\u202e\n\x00", Reason.PUBLISHER_REFUSED, "what is this: [hidden]"),
        ("x" * 5000, Reason.PUBLISHER_REFUSED, "xxx"),
        (None, Reason.PUBLISHER_REFUSED, ""),
        ([], Reason.PUBLISHER_REFUSED, ""),
    ],
)
async def test_a_refusal_is_told_without_what_it_quotes(
    stand_in: PowerDnsStandIn, said: Any, told: Reason, shown: str
) -> None:
    stand_in.script(Fault("PATCH", 422, body=json.dumps({"error": said}).encode()))
    answer = await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60)
    assert reason(answer) is told
    assert isinstance(answer, Blocked)
    assert shown in answer.detail
    assert API_KEY not in answer.detail


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"rrsets": 5}',
        b'{"rrsets": [5]}',
        b'{"rrsets": [{"name": "a.", "type": "TXT", "ttl": -1, "records": []}]}',
        b'{"rrsets": [{"name": "a.", "type": "TXT", "ttl": 1e400, "records": []}]}',
        b'{"rrsets": [{"name": "a.", "type": "TXT", "ttl": "60", "records": []}]}',
        b'{"rrsets": [{"name": "a.", "type": "TXT", "ttl": 60, "records": [{"content": null}]}]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=itertools.count(),
)
async def test_an_answer_that_is_none_is_tried_again_later(stand_in: PowerDnsStandIn, body: bytes) -> None:
    stand_in.script(Fault("GET", 200, body=body), Fault("GET", 200, body=body))
    answer = await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert "url" in answer.detail
    assert await on(stand_in).read_txt(ZONE, NAME) is None


async def test_an_answer_without_an_end_is_not_read_on(
    stand_in: PowerDnsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(powerdns_api, "MAX_BODY", 1 << 20)
    stand_in.script(Fault("GET", 200, body=b" " * (50 << 20)))
    answer = await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60)
    assert reason(answer) is Reason.PUBLISHER_REFUSED
    assert isinstance(answer, Blocked)
    assert "1 MiB" in answer.detail


# The network


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize(
    "lost", [{"ending": "reset"}, {"ending": "silence"}, {"status": 502}, {"status": 504}], ids=str
)
async def test_a_change_without_an_answer_may_have_taken_effect(
    stand_in: PowerDnsStandIn, applied: bool, lost: dict[str, Any]
) -> None:
    stand_in.put(NAME, 300, [NEIGHBOUR])
    direct, hasty = on(stand_in), on(stand_in, seconds=0.5)
    stand_in.script(Fault("PATCH", applied=applied, **lost))
    answer = await hasty.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Ambiguous)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert await direct.ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=not applied)
    stand_in.script(Fault("PATCH", applied=applied, **lost))
    assert isinstance(await hasty.remove_txt(ZONE, NAME, CODE), Ambiguous)
    assert await direct.remove_txt(ZONE, NAME, CODE) == Withdrawn()
    assert stand_in.values(NAME) == (300, [NEIGHBOUR])


async def test_an_answer_lost_after_the_change_is_no_doubt_about_it(stand_in: PowerDnsStandIn) -> None:
    stand_in.script(Fault("PATCH", 204, applied=True), Fault("GET", ending="silence"))
    answer = await on(stand_in, seconds=0.5).ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60) == Published(changed=False)


@pytest.mark.parametrize("ending", ["reset", "silence"])
async def test_a_question_without_an_answer_has_changed_nothing(stand_in: PowerDnsStandIn, ending: str) -> None:
    stand_in.script(Fault("GET", ending=ending), Fault("GET", ending=ending))
    answer = await on(stand_in, seconds=0.3).ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert await on(stand_in, seconds=0.3).read_txt(ZONE, NAME) is None
    assert changes(stand_in) == []


async def test_a_closed_port_is_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    assert isinstance(answer := await made(url, API_KEY).ensure_txt(ZONE, NAME, CODE, 60), Unreachable)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert reason(await made(url, API_KEY).remove_txt(ZONE, NAME, CODE)) is Reason.PUBLISHER_UNREACHABLE


async def test_a_cancelled_call_stays_cancelled(stand_in: PowerDnsStandIn) -> None:
    stand_in.script(Fault("PATCH", ending="silence"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await on(stand_in).ensure_txt(ZONE, NAME, CODE, 60)


# Options and values


@pytest.mark.parametrize(
    "url",
    ["http://pdns.example.com:8081", "https://user:secret@pdns.example.com", "pdns.example.com", "https://h/?a=b", ""],
)
def test_an_address_that_cannot_be_one_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="write https") as refused:
        PowerDnsOptions("hosting", (ZONE,), url, SecretStr(API_KEY))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("key", ["", "two words", "line\nend", "\u2603"])
def test_a_key_that_cannot_be_one_is_refused_at_the_start(key: str) -> None:
    with pytest.raises(ValueError, match="API key") as refused:
        PowerDnsOptions("hosting", (ZONE,), "https://h", SecretStr(key))
    assert not key or key not in str(refused.value)


async def test_no_secret_is_shown() -> None:
    options = PowerDnsOptions("hosting", (ZONE,), "https://h", SecretStr(API_KEY))
    sender = options.open()
    for shown in (options, sender, sender._server, sender._server.headers):
        assert API_KEY not in repr(shown)
    await sender.aclose()


@given(st.binary(min_size=1, max_size=600))
def test_a_value_is_read_as_it_was_written(value: bytes) -> None:
    written = quoted(value)
    assert written.isascii()
    assert written.isprintable()
    assert joined(written) == value


@given(st.one_of(st.text(max_size=40), st.text('"\\ 01259a', max_size=40)))
def test_no_content_is_too_odd_to_be_read_past(content: str) -> None:
    read = joined(content)
    assert read is None or joined(quoted(read) if read else '""') == read


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ('"a" "b"', b"ab"),
        ('  "a"\t"b" ', b"ab"),
        ('""', b""),
        (r'"\065\"\\\z"', b'A"\\z'),
        ('"\u00fc"', "\u00fc".encode()),
        ("a", None),
        ('"a', None),
        ('"a""b"', None),
        (r'"\256"', None),
        (r'"\12"', None),
        ('"\\"', None),
        ("", None),
    ],
)
def test_presentation_format_is_read(content: str, value: bytes | None) -> None:
    assert joined(content) == value
