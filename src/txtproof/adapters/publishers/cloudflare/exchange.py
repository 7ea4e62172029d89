"""Requests to the Cloudflare API: one after the other within the time of a call, bounded in size, no redirects."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr

from txtproof.adapters.base_url import check_base_url
from txtproof.adapters.publishers.cloudflare.answers import Envelope, Garbled, Refused, Reply, meaning, read
from txtproof.adapters.publishers.trouble import Failure, Trouble, within
from txtproof.core.observations import Ambiguous, Blocked, Unreachable
from txtproof.core.reasons import Reason

T = TypeVar("T")

MAX_BODY = 1024 * 1024
"""Bytes of an answer's body; what is longer is not read on."""
KEPT = 8
"""Connections kept open between calls."""
CONNECTING = 0.4
"""TCP may take this share of the time left, and TLS the same: of a handshake cut short from outside, httpcore loses the
socket."""


def check_api_token(token: SecretStr) -> SecretStr:
    """Return the token. Raises ValueError that says what is wrong with it, and never shows it."""
    if not re.fullmatch(r"[!-~]+", token.get_secret_value()):
        raise ValueError("api_token must be printable ASCII without blanks: write it as Cloudflare has shown it")
    return token


class Api:
    """The API at its address, and the token that is shown there. Raises ValueError where one of them cannot work."""

    def __init__(self, base_url: str, token: SecretStr, timeout: float) -> None:
        self.base_url = check_base_url(base_url)
        self.host = httpx.URL(self.base_url).host
        self.timeout = timeout
        """Seconds for a call."""
        secret = check_api_token(token).get_secret_value()
        # identity: a small compressed body could be a large one
        self.headers = httpx.Headers(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Authorization": f"Bearer {secret}",
                "User-Agent": "txtproof",
            }
        )
        # the client on top would add redirects, cookies, proxies and .netrc, none of which is wanted, and their time
        self.http = httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_connections=None, max_keepalive_connections=KEPT)
        )


class Session:
    """One call of a publisher: its requests, within one time limit."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.unanswered = False
        """True while a change is on its way: it may have taken effect."""
        self._token_is_good = False
        self._ends = asyncio.get_running_loop().time() + api.timeout

    async def get(self, path: str, reading: Callable[[Envelope], T], **query: str | int) -> T:
        """Read. Raises Trouble, unless it is a success."""
        try:
            return await self._asked("GET", path, reading, query)
        except Refused as refused:
            raise self.refusal(refused) from None

    async def change(
        self, method: str, path: str, reading: Callable[[Envelope], T], body: Any = None, **query: str | int
    ) -> T:
        """Change something. Raises Refused where it is not done, and Trouble."""
        return await self._asked(method, path, reading, query, body)

    def refusal(self, refused: Refused) -> Trouble:
        """Say what a refusal means."""
        answer = meaning(refused, token_is_good=self._token_is_good)
        detail = f"{self.api.host}: {answer.detail}"[:200]
        if isinstance(answer, Blocked):
            return Trouble(Blocked(answer.reason, detail))
        return Trouble(Unreachable(answer.reason, detail, answer.retry_after))

    def lost(self, why: str) -> Trouble:
        """Say that there is no answer that could be read."""
        detail = f"{self.api.host}: {why}"[:200]
        if self.unanswered:
            return Trouble(Ambiguous(Reason.PUBLISHER_UNREACHABLE, detail))
        return Trouble(Unreachable(Reason.PUBLISHER_UNREACHABLE, detail))

    async def _asked(
        self,
        method: str,
        path: str,
        reading: Callable[[Envelope], T],
        query: Mapping[str, str | int],
        body: Any = None,
    ) -> T:
        request = httpx.Request(
            method,
            f"{self.api.base_url}{path}",
            params=dict(query),
            headers=self.api.headers,
            json=body,
            extensions={"trace": self._progress(method), "timeout": self._limits()},
        )
        try:
            found = reading(read(await self._exchanged(request)))
        except Refused:
            self.unanswered = False
            raise
        except Garbled:
            raise self.lost("its answer cannot be understood") from None
        except (httpx.HTTPError, OSError) as fault:
            # the kind alone: the text of a protocol error may quote a header
            raise self.lost(f"no answer ({type(fault).__name__})") from None
        self.unanswered = False
        self._token_is_good = True
        return found

    async def _exchanged(self, request: httpx.Request) -> Reply:
        response = await self.api.http.handle_async_request(request)
        async with aclosing(response):
            said = response.headers
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY:
                    break
            kept = bytes(body) if len(body) <= MAX_BODY else b""
            return Reply(response.status_code, said.get("date"), said.get("retry-after"), kept)

    def _progress(self, method: str) -> Callable[[str, object], Coroutine[Any, Any, None]]:
        async def trace(event: str, _: object) -> None:
            # from the first byte of a change on, it may have taken effect
            if method != "GET" and event.endswith("send_request_headers.started"):
                self.unanswered = True

        return trace

    def _limits(self) -> dict[str, float | None]:
        left = max(self._ends - asyncio.get_running_loop().time(), 0.001)
        return httpx.Timeout(left, connect=left * CONNECTING).as_dict()


async def answered(session: Session, work: Coroutine[Any, Any, T]) -> T | Failure:
    """Do a publisher's work within its session's time."""
    return await within(session.api.timeout, work, lambda: session.lost("no answer in time").answer)
