"""Nexus over HTTP: one call, no repeats of its own, bounded in time and size, and its answer as a value."""

import asyncio
import re
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from txtproof.adapters.nexus_answers import SUCCESSES, Reading, Reply, presentable, read_answer, wants_body
from txtproof.core.model import Key
from txtproof.core.observations import Ambiguous, Blocked, Unreachable, UpstreamAnswer
from txtproof.core.reasons import Reason

MAX_BODY = 64 * 1024
"""Bytes of an answer's body; what is longer is not read on."""
AUTH_PAUSE = timedelta(seconds=30)
"""How long no call is made after a 401: short, so that a `resume` soon after the new credential is not lost."""
_TOKEN = re.compile(r"[!-~]+")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = frozenset(
    {"authorization", "accept", "accept-encoding", "host", "connection", "content-length", "cookie"}
)


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """Bearer and ApplicationToken, both together. Raises ValueError where one cannot stand in a header."""

    token: SecretStr
    application_token: SecretStr
    header: str = "ApplicationToken"
    """Name of the header that the application token travels in."""

    def __post_init__(self) -> None:
        for name, secret in (("bearer token", self.token), ("application token", self.application_token)):
            if not _TOKEN.fullmatch(secret.get_secret_value()):
                raise ValueError(f"the {name} must be printable ASCII without blanks")
        if not _HEADER.fullmatch(self.header) or self.header.lower() in _OWN_HEADERS:
            raise ValueError(
                "the application token's header must be a header name of its own, such as ApplicationToken"
            )

    def headers(self) -> dict[str, str]:
        """Return what proves who calls."""
        return {
            "Authorization": f"Bearer {self.token.get_secret_value()}",
            self.header: self.application_token.get_secret_value(),
        }

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never be shown."""
        return self.token.get_secret_value(), self.application_token.get_secret_value()


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """User and password (RFC 7617, 2). Raises ValueError where they cannot be sent."""

    username: str
    password: SecretStr

    def __post_init__(self) -> None:
        if not self.username or ":" in self.username or not self.username.isprintable():
            raise ValueError("the user name must be printable, without a colon")
        if not self.password.get_secret_value().isprintable() or not self.password.get_secret_value():
            raise ValueError("the password must be printable and not empty")

    def headers(self) -> dict[str, str]:
        """Return what proves who calls."""
        return {"Authorization": f"Basic {self._pair()}"}

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never be shown."""
        return self.password.get_secret_value(), self._pair()

    def _pair(self) -> str:
        return b64encode(f"{self.username}:{self.password.get_secret_value()}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class NexusOptions:
    """How Nexus is called. Raises ValueError, as `check_base_url` does."""

    base_url: str
    auth: BearerAuth | BasicAuth
    call_timeout: timedelta = timedelta(seconds=10)
    """For the whole call: waiting for its turn, connecting, sending, and reading to the last byte."""
    most_in_flight: int = 8
    refuse_public_suffixes: bool = True

    def __post_init__(self) -> None:
        check_base_url(self.base_url)
        if self.call_timeout <= timedelta(0) or self.most_in_flight < 1:
            raise ValueError("call_timeout and most_in_flight must be more than nothing")


def check_base_url(url: str) -> str:
    """Return the URL that `/v1/...` is put after: without trailing slash, its path prefix kept.

    Raises ValueError that names what to write, and never shows a credential.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("the URL must be ASCII without blanks: write https://HOST, with a port and a path if need be")
    if "?" in url or "#" in url:
        raise ValueError("the URL must have no query and no fragment: write https://HOST/PATH")
    if "@" in url:
        raise ValueError("the URL must hold no user or password: write https://HOST, the credentials have settings")
    try:
        parts = urlsplit(url)
        host, _, checked = parts.hostname, parts.port, httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise ValueError("the URL cannot be read: write https://HOST, with a port and a path if need be") from None
    if parts.scheme not in {"http", "https"} or not host or not checked.host:
        raise ValueError("the URL must be absolute: write https://HOST, with a port and a path if need be")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"http shows the credentials to the network: write https://{parts.netloc}{parts.path}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(slots=True)
class _Call:
    """How far a call has got, so that its failure can be judged."""

    sent: bool = False
    reply: Reply | None = field(default=None, repr=False)

    async def trace(self, event: str, _: object) -> None:
        """Follow httpcore's progress: from the first byte of the request on, it may have taken effect."""
        if event.endswith("send_request_headers.started"):
            self.sent = True


class NexusClient:
    """Call Nexus; port `Upstream`. `aclose` ends its connections."""

    def __init__(
        self,
        options: NexusOptions,
        *,
        elapsed: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = partial(datetime.now, UTC),
    ) -> None:
        self._options = options
        self._elapsed = elapsed
        self._now = now
        self._secrets = options.auth.secrets()
        self._base_url = check_base_url(options.base_url)
        self._turn = asyncio.Semaphore(options.most_in_flight)
        self._refused_at: float | None = None
        self._http = httpx.AsyncClient(
            # identity: a small compressed body could be a large one
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **options.auth.headers()},
            timeout=options.call_timeout.total_seconds(),
            limits=httpx.Limits(max_connections=options.most_in_flight),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def generate_code(self, key: Key) -> UpstreamAnswer:
        """Ask for a code, once.

        After a 401 no call is made for `AUTH_PAUSE`, for no key: each is answered Blocked at once.
        """
        if self._pausing():
            return self._paused()
        call = _Call()
        try:
            async with asyncio.timeout(self._options.call_timeout.total_seconds()), self._turn:
                if self._pausing():
                    return self._paused()
                await self._exchange(key, call)
        except TimeoutError:
            return self._cut_short(key, call, f"no answer within {self._options.call_timeout.total_seconds():g} s")
        except httpx.ConnectError as error:
            return self._cut_short(key, call, f"no connection: {error}")
        except (httpx.HTTPError, OSError) as error:
            # the kind alone: the text of a protocol error may quote a header
            return self._cut_short(key, call, type(error).__name__)
        assert call.reply is not None, "an exchange without an exception has a reply"
        return self._read(key, call.reply)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _exchange(self, key: Key, call: _Call) -> None:
        url = f"{self._base_url}/v1/organizations/{key.organization_id}/domains/{key.domain_id}/generate-code"
        async with self._http.stream("POST", url, extensions={"trace": call.trace}) as response:
            said = response.headers
            call.reply = head = Reply(
                response.status_code, said.get("date"), said.get("retry-after"), said.get("content-encoding")
            )
            if not wants_body(head.status):
                return
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY:
                    break
            call.reply = replace(head, body=bytes(body[:MAX_BODY]), oversized=len(body) > MAX_BODY)

    def _read(self, key: Key, reply: Reply) -> UpstreamAnswer:
        if reply.status == httpx.codes.UNAUTHORIZED:
            self._refused_at = self._elapsed()
        return read_answer(reply, Reading(key, self._now(), self._secrets, self._options.refuse_public_suffixes))

    def _cut_short(self, key: Key, call: _Call, why: str) -> UpstreamAnswer:
        if call.reply is not None and call.reply.status not in SUCCESSES:
            return self._read(key, call.reply)
        detail = presentable(why, self._secrets)
        if call.sent:
            return Ambiguous(Reason.UPSTREAM_AMBIGUOUS, detail)
        return Unreachable(Reason.UPSTREAM_UNREACHABLE, detail)

    def _pausing(self) -> bool:
        return self._refused_at is not None and self._elapsed() - self._refused_at < AUTH_PAUSE.total_seconds()

    def _paused(self) -> Blocked:
        seconds = f"{AUTH_PAUSE.total_seconds():g}"
        return Blocked(Reason.UPSTREAM_AUTH, f"not called: the credential was refused less than {seconds} s ago")
