"""What a webhook may be answered, and what is made of it; and what nothing of it ever shows."""

import asyncio
import gzip
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace  # options are a dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from tests.publishers.receiver import PATH, SECRET, ZONE, Receiver, problem
from txtproof.adapters.publishers.webhook.call import MAX_BODY
from txtproof.adapters.publishers.webhook.publisher import WebhookOptions, WebhookPublisher
from txtproof.core.observations import Ambiguous, Blocked, PublishAnswer, Published, Unreachable, Withdrawn
from txtproof.core.reasons import Reason

NAME = f"_verify.{ZONE}"
VALUE = b"the-value-that-nobody-may-see"
OLD = b"the-old-value-that-nobody-may-see"
SHORT = timedelta(seconds=1)
AMPLE = timedelta(seconds=20)
HIDDEN = (SECRET, SECRET.removeprefix("whsec_"), VALUE.decode(), OLD.decode(), PATH)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


@asynccontextmanager
async def publishing(url: str, secret: str = SECRET, within: timedelta = AMPLE) -> AsyncIterator[WebhookPublisher]:
    opened = WebhookOptions("platform", (ZONE,), url, SecretStr(secret), allow_private=True, call_timeout=within).open()
    try:
        yield opened
    finally:
        await opened.aclose()


async def told(receiver: Receiver, *script: Response | None, within: timedelta = AMPLE) -> PublishAnswer:
    receiver.script.extend(script)
    async with publishing(receiver.url, within=within) as publisher:
        return await publisher.ensure_txt(ZONE, NAME, VALUE, 60, [OLD])


@pytest.mark.parametrize(
    ("status", "title", "reason", "detail"),
    [
        (401, "Unknown key", Reason.PUBLISHER_AUTH, "127.0.0.1: 401 Unknown key"),
        (403, "Not this zone", Reason.PUBLISHER_REFUSED, "127.0.0.1: 403 Not this zone"),
        (404, "No such zone", Reason.NO_ZONE, "127.0.0.1: 404 No such zone"),
        (409, "Somebody holds it", Reason.PUBLISHER_REFUSED, "127.0.0.1: 409 Somebody holds it"),
        (422, "Too long", Reason.PUBLISHER_REFUSED, "127.0.0.1: 422 Too long"),
        (400, "", Reason.PUBLISHER_REFUSED, "127.0.0.1: 400"),
        (410, "Gone", Reason.PUBLISHER_REFUSED, "127.0.0.1: 410 Gone"),
    ],
)
async def test_a_refusal_waits_for_a_person_and_says_why(
    receiver: Receiver, status: int, title: str, reason: Reason, detail: str
) -> None:
    assert await told(receiver, problem(status, title)) == Blocked(reason, detail)


async def test_a_404_without_a_problem_is_a_wrong_url_and_no_missing_zone(receiver: Receiver) -> None:
    answer = await told(receiver, Response("<h1>Not found</h1>", 404))
    assert answer == Blocked(Reason.PUBLISHER_REFUSED, "127.0.0.1: 404 nothing is there: correct the url")


@pytest.mark.parametrize(
    ("answer", "reason", "retry_after"),
    [
        (problem(429, "Slow down", Retry_After="7"), Reason.RATE_LIMITED, timedelta(seconds=7)),
        (problem(429, "Slow down"), Reason.RATE_LIMITED, None),
        (problem(503, "Later", Retry_After="90"), Reason.PUBLISHER_UNREACHABLE, timedelta(seconds=90)),
        (problem(503, "Later", Retry_After="9999999999"), Reason.PUBLISHER_UNREACHABLE, timedelta(hours=1)),
        (problem(500, "Oops", Retry_After="soon"), Reason.PUBLISHER_UNREACHABLE, None),
        (Response(status_code=502), Reason.PUBLISHER_UNREACHABLE, None),
        (Response(status_code=408), Reason.PUBLISHER_UNREACHABLE, None),
    ],
)
async def test_what_asks_to_be_called_later_is(
    receiver: Receiver, answer: Response, reason: Reason, retry_after: timedelta | None
) -> None:
    said = await told(receiver, answer)
    assert isinstance(said, Unreachable)
    assert (said.reason, said.retry_after) == (reason, retry_after)


async def test_a_date_to_be_called_at_is_read_by_the_other_side_s_clock(receiver: Receiver) -> None:
    theirs = datetime(2031, 1, 1, tzinfo=UTC)
    headers = {"Date": format_datetime(theirs, usegmt=True)}
    until = format_datetime(theirs + timedelta(seconds=40), usegmt=True)
    said = await told(receiver, Response(status_code=503, headers={**headers, "Retry-After": until}))
    assert isinstance(said, Unreachable)
    assert said.retry_after == timedelta(seconds=40)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    with Receiver().running() as elsewhere:
        said = await told(receiver, RedirectResponse(elsewhere.url, status))
        assert elsewhere.told == []
    assert said == Blocked(
        Reason.PUBLISHER_REFUSED, f"127.0.0.1: {status} a redirect, which is not followed: correct the url"
    )


@pytest.mark.parametrize(
    ("answer", "changed"),
    [
        (Response(status_code=204), True),
        (Response("ok", 200), True),
        (JSONResponse({"changed": True}, 201), True),
        (JSONResponse({"changed": False}), False),
        (JSONResponse({"changed": False}, 202), False),
        (JSONResponse({"changed": 0}), True),
        (JSONResponse({"changed": "false"}), True),
        (JSONResponse([False]), True),
        (Response("[" * 60_000), True),
        (Response(b"\xff\xfe"), True),
        (Response(gzip.compress(b'{"changed": false}'), headers={"Content-Encoding": "gzip"}), True),
        (Response('{"changed": false, "more": "' + "x" * MAX_BODY + '"}'), True),
    ],
)
async def test_every_2xx_holds_the_record_whatever_its_body_is(
    receiver: Receiver, answer: Response, changed: bool
) -> None:
    assert await told(receiver, answer) == Published(changed=changed)


async def test_a_body_without_an_end_is_not_read_to_it(receiver: Receiver) -> None:
    over = threading.Event()

    async def endless() -> AsyncIterator[bytes]:
        while not over.is_set():
            yield b" " * 8192
            await asyncio.sleep(0.001)

    try:
        assert await told(receiver, StreamingResponse(endless())) == Published()
        said = await told(receiver, StreamingResponse(endless(), 403, media_type="application/problem+json"))
        assert said == Blocked(Reason.PUBLISHER_REFUSED, "127.0.0.1: 403")
    finally:
        over.set()


@pytest.mark.parametrize(("status", "answer"), [(200, Published()), (403, Blocked)])
async def test_a_body_that_never_comes_leaves_the_status_to_decide(
    receiver: Receiver, status: int, answer: object
) -> None:
    async def silent() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    said = await told(receiver, StreamingResponse(silent(), status), within=SHORT)
    assert said == answer or type(said) is answer


@pytest.mark.parametrize(
    "title",
    [
        "\x1b[2Jgone",
        "two\r\nlines",
        f"value {VALUE.decode()} is bad",
        f"replaces {OLD.decode()}",
        SECRET,
        f"the\u200b-value{VALUE.decode()}",
        "x" * 10_000,
    ],
)
async def test_a_title_steers_no_terminal_and_shows_no_value(receiver: Receiver, title: str) -> None:
    said = await told(receiver, problem(422, title))
    assert isinstance(said, Blocked)
    assert said.detail.isprintable()
    assert len(said.detail) <= 200
    for hidden in HIDDEN:
        assert hidden not in said.detail


@pytest.mark.parametrize("title", [7, None, ["a"], {"a": "b"}])
async def test_a_title_that_is_no_text_is_none(receiver: Receiver, title: object) -> None:
    answer = JSONResponse({"title": title}, 422, media_type="application/problem+json; charset=utf-8")
    assert await told(receiver, answer) == Blocked(Reason.PUBLISHER_REFUSED, "127.0.0.1: 422")


async def test_a_wrong_secret_is_the_credential_s_fault(receiver: Receiver) -> None:
    async with publishing(receiver.url, "whsec_YW5vdGhlci1zZWNyZXQtdGhhdC1ub2JvZHkta25vd3M=") as publisher:
        said = await publisher.ensure_txt(ZONE, NAME, VALUE, 60)
    assert said == Blocked(Reason.PUBLISHER_AUTH, "127.0.0.1: 401 The signature does not hold")
    assert receiver.told == []


@pytest.mark.parametrize("takes_effect", [True, False])
async def test_no_answer_is_ambiguous_and_a_repeat_repairs_it(receiver: Receiver, takes_effect: bool) -> None:
    receiver.zones.put(NAME, 300, OLD)
    receiver.takes_effect = takes_effect
    said = await told(receiver, None, within=SHORT)
    assert said == Ambiguous(Reason.PUBLISHER_UNREACHABLE, "127.0.0.1: no answer in time")
    assert receiver.zones.read(NAME).values == ((VALUE,) if takes_effect else (OLD,))  # type: ignore[union-attr]  # it is there
    assert await told(receiver) == Published(changed=not takes_effect)
    assert receiver.zones.read(NAME).values == (VALUE,)  # type: ignore[union-attr]  # it is there


async def test_a_connection_that_ends_after_the_request_is_ambiguous() -> None:
    async def hung_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hung_up, "127.0.0.1", 0)
    async with server, publishing(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as publisher:
        said = await publisher.remove_txt(ZONE, NAME, VALUE)
    assert isinstance(said, Ambiguous)


async def test_who_does_not_listen_is_tried_again() -> None:
    async with publishing("http://127.0.0.1:9/") as publisher:
        said = await publisher.ensure_txt(ZONE, NAME, VALUE, 60)
    assert isinstance(said, Unreachable)
    assert said.reason is Reason.PUBLISHER_UNREACHABLE
    assert said.detail.startswith("127.0.0.1: no connection")


async def test_a_name_that_leads_nowhere_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with publishing("https://nobody.invalid/") as publisher:
        said = await publisher.ensure_txt(ZONE, NAME, VALUE, 60)
    detail = "nobody.invalid: its name leads nowhere: Name or service not known"
    assert said == Unreachable(Reason.PUBLISHER_UNREACHABLE, detail)


@pytest.mark.parametrize("spoken", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", b"\x16\x03\x01"])
async def test_who_does_not_speak_http_is_tried_again(spoken: bytes) -> None:
    async def speaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(spoken)
        writer.close()

    server = await asyncio.start_server(speaking, "127.0.0.1", 0)
    async with server, publishing(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as publisher:
        said = await publisher.ensure_txt(ZONE, NAME, VALUE, 60)
    assert isinstance(said, Ambiguous)


async def test_a_call_that_is_cancelled_ends_at_once_and_says_nothing(receiver: Receiver) -> None:
    receiver.script.append(None)
    async with publishing(receiver.url) as publisher:
        call = asyncio.create_task(publisher.ensure_txt(ZONE, NAME, VALUE, 60))
        while not receiver.told:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await publisher.remove_txt(ZONE, NAME, VALUE) == Withdrawn()


async def test_no_secret_and_no_value_is_in_any_log_answer_or_repr(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    script = [None, problem(401, SECRET), problem(422, VALUE.decode()), Response(status_code=302), Response("x", 200)]
    shown: list[object] = [await told(receiver, answer, within=SHORT if answer is None else AMPLE) for answer in script]
    known = WebhookOptions("platform", (ZONE,), receiver.url, SecretStr(SECRET), allow_private=True)
    async with publishing(receiver.url) as publisher:
        shown += [known, publisher, vars(publisher).get("_caller"), await publisher.remove_txt(ZONE, NAME, VALUE)]
    for wrong in (replace(known, secret=SecretStr(SECRET[:-1])), replace(known, url=f"ftp://127.0.0.1{PATH}")):
        with pytest.raises(ValueError, match=r"the (secret|URL)") as caught:
            wrong.open()
        shown += [caught.value, caught.getrepr(showlocals=False, style="value")]
    # the server's log is the receiver's own
    logged = [one for one in caplog.records if not one.name.startswith("uvicorn")]
    assert any(one.name.startswith("httpcore") for one in logged), "the HTTP library's log is searched too"
    everything = "\n".join([*(one.getMessage() for one in logged), *(f"{one!r} {one}" for one in shown)])
    for hidden in HIDDEN:
        assert hidden not in everything
