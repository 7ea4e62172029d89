"""The Nexus client over real sockets: the stand-in where it behaves, a server that speaks bytes where it does not."""

import asyncio
import gzip
import logging
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from txtproof.adapters.base_url import check_base_url
from txtproof.adapters.nexus import MAX_BODY, BasicAuth, BearerAuth, NexusClient, NexusOptions
from txtproof.core.model import Key
from txtproof.core.observations import (
    AlreadyVerified,
    Ambiguous,
    Blocked,
    CodeIssued,
    Rejected,
    Unreachable,
    UpstreamAnswer,
)
from txtproof.core.reasons import Reason
from txtproof.rehearsal.nexus import Answer, NexusStandIn

KEY = Key(42, 7)
SHORT = timedelta(milliseconds=300)
AMPLE = timedelta(seconds=10)
TOKEN, APPLICATION, PASSWORD = "bearer-never-shown", "application-never-shown", "password-never-shown"
BEARER = BearerAuth(SecretStr(TOKEN), SecretStr(APPLICATION))
BASIC = BasicAuth("alice", SecretStr(PASSWORD))
ISSUED = b'{"verificationCode": "abc"}'

Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """A server that answers each request with whatever the handler writes, and remembers the requests."""

    def __init__(self, handler: Handler) -> None:
        self.url = ""
        self.requests: list[bytes] = []
        self.connections = 0
        self.at_once = 0
        self.most_at_once = 0
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self._handler(writer)
                    await writer.drain()
                finally:
                    self.at_once -= 1
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass  # the client or the test has ended
        finally:
            writer.close()
            self._tasks.discard(task)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def answering(handler: Handler | bytes) -> AsyncIterator[Peer]:
    async def write(writer: asyncio.StreamWriter) -> None:
        assert isinstance(handler, bytes)
        writer.write(handler)

    peer = Peer(write if isinstance(handler, bytes) else handler)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield peer
    finally:
        server.close()
        await peer.end()
        await server.wait_closed()


@asynccontextmanager
async def calling(
    url: str,
    *,
    auth: BearerAuth | BasicAuth = BEARER,
    timeout: timedelta = AMPLE,
) -> AsyncIterator[NexusClient]:
    client = NexusClient(NexusOptions(url, auth, timeout))
    try:
        yield client
    finally:
        await client.aclose()


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def ask(handler: Handler | bytes, timeout: timedelta = AMPLE) -> UpstreamAnswer:
    async with answering(handler) as peer, calling(peer.url, timeout=timeout) as client:
        return await client.generate_code(KEY)


@pytest.fixture
def nexus() -> Iterator[NexusStandIn]:
    with NexusStandIn() as running:
        running.register(42, 7, "example.test")
        yield running


@asynccontextmanager
async def calling_nexus(nexus: NexusStandIn, timeout: timedelta = AMPLE) -> AsyncIterator[NexusClient]:
    known = nexus.credentials
    auth = BearerAuth(SecretStr(known.token), SecretStr(known.application_token), known.header)
    async with calling(nexus.url, auth=auth, timeout=timeout) as client:
        yield client


# The request


@pytest.mark.parametrize("path", ["", "/", "/gateway/nexus", "/gateway/nexus/"])
async def test_the_request_is_the_documented_one_below_the_base_url(path: str) -> None:
    async with answering(http(201, ISSUED)) as peer, calling(peer.url + path) as client:
        assert await client.generate_code(Key(42, 2**31 - 1)) == CodeIssued("abc")
    head = peer.requests[0].decode().split("\r\n")
    prefix = path.rstrip("/")
    assert head[0] == f"POST {prefix}/v1/organizations/42/domains/2147483647/generate-code HTTP/1.1"
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    assert headers["content-length"] == "0"
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["applicationtoken"] == APPLICATION
    assert "transfer-encoding" not in headers


async def test_basic_sends_no_application_token() -> None:
    async with answering(http(201, ISSUED)) as peer, calling(peer.url, auth=BASIC) as client:
        await client.generate_code(KEY)
    assert b"Authorization: Basic YWxpY2U6cGFzc3dvcmQtbmV2ZXItc2hvd24=\r\n" in peer.requests[0]
    assert b"applicationtoken" not in peer.requests[0].lower()


async def test_the_application_token_travels_in_the_header_that_is_set() -> None:
    auth = BearerAuth(SecretStr(TOKEN), SecretStr(APPLICATION), "X-App-Token")
    async with answering(http(201, ISSUED)) as peer, calling(peer.url, auth=auth) as client:
        await client.generate_code(KEY)
    assert f"X-App-Token: {APPLICATION}\r\n".encode() in peer.requests[0]
    assert b"applicationtoken:" not in peer.requests[0].lower()


async def test_cookies_are_not_kept() -> None:
    cookie = "Set-Cookie: session=1; Path=/"
    async with answering(http(201, ISSUED, cookie)) as peer, calling(peer.url) as client:
        await client.generate_code(KEY)
        await client.generate_code(KEY)
    assert len(peer.requests) == 2
    assert not [request for request in peer.requests if b"cookie" in request.lower()]


async def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(http(201, ISSUED)) as proxy, answering(http(201, ISSUED)) as peer:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with calling(peer.url) as client:
            await client.generate_code(KEY)
    assert (proxy.connections, peer.connections) == (0, 1)


# The stand-in's answers


@pytest.mark.parametrize("way", ["bearer", "basic"])
async def test_either_way_of_authentication_gets_a_code(nexus: NexusStandIn, way: str) -> None:
    known = nexus.credentials
    bearer = BearerAuth(SecretStr(known.token), SecretStr(known.application_token), known.header)
    basic = BasicAuth(known.username, SecretStr(known.password))
    async with calling(nexus.url, auth=bearer if way == "bearer" else basic) as client:
        answer = await client.generate_code(KEY)
    assert isinstance(answer, CodeIssued)
    live = nexus.live(42, 7)
    assert live is not None
    assert (answer.code, answer.expires, answer.domain) == (live.code, live.expires, "example.test")
    assert answer.answered is not None
    assert abs(answer.answered - live.issued) < timedelta(seconds=2)


@pytest.mark.parametrize(
    ("scripted", "expected"),
    [
        (Answer(members={"isVerified": True, "verificationCode": None}), AlreadyVerified("example.test")),
        (Answer(members={"verificationCode": None}), Rejected(Reason.UPSTREAM_CONTRACT, "verificationCode is null")),
        (
            Answer(429, headers={"Retry-After": "2"}),
            Unreachable(Reason.UPSTREAM_UNREACHABLE, "answered 429", timedelta(seconds=2)),
        ),
        (Answer(500), Unreachable(Reason.UPSTREAM_UNREACHABLE, "answered 500")),
        (Answer(401), Blocked(Reason.UPSTREAM_AUTH, "401 Scripted: the rehearsal wants it so")),
        (Answer(403), Blocked(Reason.UPSTREAM_FORBIDDEN, "403 Scripted: the rehearsal wants it so")),
        (Answer(409), Rejected(Reason.UPSTREAM_REFUSED, "409 Scripted: the rehearsal wants it so")),
    ],
)
async def test_an_answer_becomes_a_value(nexus: NexusStandIn, scripted: Answer, expected: UpstreamAnswer) -> None:
    nexus.script(42, 7, scripted)
    async with calling_nexus(nexus) as client:
        assert await client.generate_code(KEY) == expected


async def test_a_reset_after_processing_is_ambiguous(nexus: NexusStandIn) -> None:
    nexus.script(42, 7, Answer(reset=True))
    async with calling_nexus(nexus) as client:
        answer = await client.generate_code(KEY)
    assert isinstance(answer, Ambiguous)
    assert answer.reason is Reason.UPSTREAM_AMBIGUOUS
    assert nexus.live(42, 7) is not None


async def test_a_slow_answer_is_ambiguous(nexus: NexusStandIn) -> None:
    nexus.script(42, 7, Answer(after=timedelta(seconds=60)))
    async with calling_nexus(nexus, SHORT) as client:
        answer = await client.generate_code(KEY)
    assert answer == Ambiguous(Reason.UPSTREAM_AMBIGUOUS, "no answer within 0.3 s")


# A peer that misbehaves


async def _nothing(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _half(writer: asyncio.StreamWriter) -> None:
    writer.write(http(201, ISSUED)[:-5])
    writer.close()


async def _half_a_chunk(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Any\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")
    writer.close()


async def _trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Any\r\nContent-Length: 600\r\n\r\n{")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def _other_protocol(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


@pytest.mark.parametrize("peer", [_nothing, _hang_up, _reset, _half, _half_a_chunk, _trickle, _other_protocol])
async def test_no_whole_answer_after_sending_is_ambiguous_within_the_timeout(peer: Handler) -> None:
    began = time.monotonic()
    answer = await ask(peer, SHORT)
    assert isinstance(answer, Ambiguous)
    assert answer.reason is Reason.UPSTREAM_AMBIGUOUS
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, Blocked(Reason.UPSTREAM_AUTH, "401")),
        (404, Rejected(Reason.UNKNOWN_DOMAIN, "404")),
        (422, Rejected(Reason.UPSTREAM_REFUSED, "422")),
        (503, Unreachable(Reason.UPSTREAM_UNREACHABLE, "answered 503", timedelta(seconds=9))),
    ],
)
async def test_a_refusal_counts_though_its_body_never_ends(status: int, expected: UpstreamAnswer) -> None:
    async def stall(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} Any\r\nRetry-After: 9\r\nContent-Length: 600\r\n\r\n".encode())
        await writer.drain()
        await asyncio.sleep(60)

    assert await ask(stall, SHORT) == expected


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_read_no_further(*, chunked: bool) -> None:
    sent = 0
    cut = asyncio.Event()

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {2**30}"
        writer.write(f"HTTP/1.1 201 Any\r\n{framing}\r\n\r\n".encode())
        block = b" " * 4096
        try:
            while True:
                writer.write(b"1000\r\n" + block + b"\r\n" if chunked else block)
                await writer.drain()
                sent += len(block)
        finally:
            cut.set()

    async with answering(flood) as peer, calling(peer.url) as client:
        answer = await client.generate_code(KEY)
        assert answer == Rejected(Reason.UPSTREAM_CONTRACT, "the body is too long and was not read to its end")
        await asyncio.wait_for(cut.wait(), 10)
    # what the sockets' buffers hold was sent too; a gibibyte was not
    assert sent < 2**26


async def test_a_body_at_the_limit_is_read() -> None:
    body = ISSUED.ljust(MAX_BODY)
    assert await ask(http(201, body)) == CodeIssued("abc")
    over = await ask(http(201, body + b" "))
    assert isinstance(over, Rejected)
    assert over.reason is Reason.UPSTREAM_CONTRACT


async def test_a_compressed_body_is_not_unpacked() -> None:
    bomb = gzip.compress(ISSUED.ljust(2**24))
    assert len(bomb) < MAX_BODY
    answer = await ask(http(201, bomb, "Content-Encoding: gzip"))
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.UPSTREAM_CONTRACT


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with answering(http(201, ISSUED)) as elsewhere:
        answer = await ask(http(status, b"", f"Location: {elsewhere.url}/"))
        assert elsewhere.connections == 0
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.UPSTREAM_CONTRACT


async def test_the_date_of_the_answer_is_what_its_retry_after_goes_by() -> None:
    headers = ("Date: Fri, 01 May 2026 13:00:00 GMT", "Retry-After: Fri, 01 May 2026 13:00:20 GMT")
    answer = await ask(http(503, b"", *headers))
    assert isinstance(answer, Unreachable)
    assert answer.retry_after == timedelta(seconds=20)
    issued = await ask(http(201, ISSUED, headers[0]))
    assert issued == CodeIssued("abc", answered=datetime(2026, 5, 1, 13, tzinfo=UTC))


# Nobody there


async def test_a_refused_connection_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with calling(f"http://127.0.0.1:{taken.getsockname()[1]}") as client:
            answer = await client.generate_code(KEY)
    assert isinstance(answer, Unreachable)
    assert answer.reason is Reason.UPSTREAM_UNREACHABLE
    assert answer.detail.startswith("no connection: ")


async def test_a_handshake_that_never_ends_is_unreachable_since_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        async with calling(url, timeout=SHORT) as client:
            answer = await client.generate_code(KEY)
            connection, _ = mute.accept()
            with connection:
                connection.settimeout(5)
                assert connection.recv(10_000), "the client's hello"
                # a socket that nobody closed would be found by the collector, as a warning in some later test
                assert connection.recv(1) == b""
    assert answer == Unreachable(Reason.UPSTREAM_UNREACHABLE, "not sent within 0.3 s")


async def test_a_server_without_tls_is_unreachable_by_https() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(http(400))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, calling(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
        answer = await client.generate_code(KEY)
    assert isinstance(answer, Unreachable)
    assert answer.reason is Reason.UPSTREAM_UNREACHABLE


# Calls in flight


async def test_a_cancelled_call_is_cancelled_and_the_next_one_goes_on() -> None:
    began = asyncio.Event()

    async def once(writer: asyncio.StreamWriter) -> None:
        if began.is_set():
            writer.write(http(201, ISSUED))
        else:
            began.set()
            await asyncio.sleep(60)

    async with answering(once) as peer, calling(peer.url) as client:
        call = asyncio.create_task(client.generate_code(KEY))
        await asyncio.wait_for(began.wait(), 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await client.generate_code(KEY) == CodeIssued("abc")


async def test_after_a_403_the_others_go_on() -> None:
    async with answering(http(403)) as peer, calling(peer.url) as client:
        for _ in range(3):
            assert await client.generate_code(KEY) == Blocked(Reason.UPSTREAM_FORBIDDEN, "403")
    assert len(peer.requests) == 3


# Secrets


@pytest.mark.parametrize("auth", [BEARER, BASIC], ids=["bearer", "basic"])
async def test_no_secret_reaches_a_log_a_text_or_an_answer(
    auth: BearerAuth | BasicAuth, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in (None, "httpx", "httpcore", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    said: list[Any] = []
    requests: list[bytes] = []

    async def echo(writer: asyncio.StreamWriter) -> None:
        # it tells the caller what it was told, as a gateway's debug page does
        lines = requests[-1].decode().split("\r\n")
        quoted = " ".join(line for line in lines if line.lower().startswith(("authorization", "applicationtoken")))
        status = 400 if len(requests) == 1 else 401
        writer.write(http(status, f'{{"title": "{quoted}", "detail": "{quoted}"}}'.encode()))

    async with answering(echo) as peer:
        requests = peer.requests
        async with calling(peer.url, auth=auth) as client:
            said += [await client.generate_code(KEY), await client.generate_code(KEY), await client.generate_code(KEY)]
            said += [client, vars(client).get("_options")]
    said += [await ask(http(201, b'{"verificationCode": "code-never-shown"}')), await ask(_reset), await ask(_hang_up)]
    said += [auth, str(auth), NexusOptions(peer.url, auth)]
    texts = [*map(repr, said), *map(str, said), *(repr(vars(record)) for record in caplog.records), *capfd.readouterr()]
    assert len(caplog.records) > 10
    assert isinstance(said[0], Rejected)
    assert "[hidden]" in said[0].detail
    for secret in ("never-shown", *auth.secrets()):
        assert not [text for text in texts if secret in text]


@pytest.mark.parametrize(
    ("token", "application", "header"),
    [
        ("", "a", "ApplicationToken"),
        ("t t-secret", "a", "ApplicationToken"),
        ("t\r\nX: secret", "a", "ApplicationToken"),
        ("t\u00fc-secret", "a", "ApplicationToken"),
        ("t", "", "ApplicationToken"),
        ("t", "a\n-secret", "ApplicationToken"),
        ("t", "a", ""),
        ("t", "a", "Application Token"),
        ("t", "a", "X:"),
        ("t", "a", "authorization"),
        ("t", "a", "Host"),
    ],
)
def test_a_bearer_that_cannot_stand_in_a_header_is_refused_unseen(token: str, application: str, header: str) -> None:
    with pytest.raises(ValueError, match="must") as refusal:
        BearerAuth(SecretStr(token), SecretStr(application), header)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("username", "password"), [("", "p"), ("a:b", "p"), ("a\n", "p"), ("a", ""), ("a", "p\x00-secret")]
)
def test_a_user_or_password_that_cannot_be_sent_is_refused_unseen(username: str, password: str) -> None:
    with pytest.raises(ValueError, match="must") as refusal:
        BasicAuth(username, SecretStr(password))
    assert "secret" not in str(refusal.value)


# Options


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://nexus.example", "https://nexus.example"),
        ("https://nexus.example/", "https://nexus.example"),
        ("https://nexus.example:8443/api/", "https://nexus.example:8443/api"),
        ("https://nexus.example/a/b//", "https://nexus.example/a/b"),
        ("HTTPS://Nexus.Example", "https://Nexus.Example"),
        ("https://192.0.2.1", "https://192.0.2.1"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9/x", "http://127.9.9.9/x"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_base_url_keeps_its_path_and_loses_its_last_slash(url: str, kept: str) -> None:
    assert check_base_url(url) == kept
    assert check_base_url(kept) == kept


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("", "write https://HOST"),
        ("nexus.example", "write https://HOST"),
        ("//nexus.example", "write https://HOST"),
        ("ftp://nexus.example", "write https://HOST"),
        ("https://", "write https://HOST"),
        ("https:///path", "write https://HOST"),
        ("https://nexus.example:99999", "write https://HOST"),
        ("https://nexus.example:port", "write https://HOST"),
        ("https://[::1", "write https://HOST"),
        ("https://b\u00fccher.example", "write https://HOST"),
        ("https://nexus.example\\@evil.example", "write https://HOST"),
        ("https://nexus example", "write https://HOST"),
        ("https://nexus.example\n", "write https://HOST"),
        (f"https://{'a' * 64}.example", "write https://HOST"),
        ("https://a..example", "write https://HOST"),
        ("https://user:secret@nexus.example", "no user or password: write https://HOST"),
        ("http://secret@127.0.0.1", "no user or password: write https://HOST"),
        ("https://nexus.example/?key=secret", "no query and no fragment: write https://HOST/PATH"),
        ("https://nexus.example/#", "no query and no fragment: write https://HOST/PATH"),
        ("http://nexus.example:81/x", "write https://nexus.example:81/x"),
        ("http://127.0.0.1.example", "write https://127.0.0.1.example"),
        ("http://localhost.example", "write https://localhost.example"),
        ("http://0.0.0.0", "write https://0.0.0.0"),
        ("http://2130706433", "write https://2130706433"),
    ],
)
def test_a_base_url_that_would_not_do_is_refused_with_what_to_write(url: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        NexusOptions(url, BEARER)
    with pytest.raises(ValueError, match=r".") as refusal:
        check_base_url(url)
    assert advice in str(refusal.value)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("timeout", [timedelta(0), timedelta(seconds=-1)])
def test_options_under_which_no_call_could_be_made_are_refused(timeout: timedelta) -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        NexusOptions("https://nexus.example", BEARER, timeout)
