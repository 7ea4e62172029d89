"""Nexus over HTTP: one call, no repeats of its own, bounded in time and size, and its answer as a value."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from txtproof.adapters.base_url import check_base_url
from txtproof.adapters.http_fields import presentable
from txtproof.adapters.nexus_answers import SUCCESSES, Reading, Reply, read_answer, wants_body
from txtproof.adapters.nexus_options import BasicAuth, BearerAuth, NexusOptions
from txtproof.core.model import Key
from txtproof.core.observations import Ambiguous, Unreachable, UpstreamAnswer
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

MAX_BODY = 64 * 1024
"""Bytes of an answer's body; what is longer is not read on."""
KEPT = 8
"""Connections kept open between calls."""
CONNECTING = 0.4
"""TCP may take this share of the time left, and TLS the same: of a handshake cut short from outside, httpcore loses the
socket."""
__all__ = ["MAX_BODY", "BasicAuth", "BearerAuth", "NexusClient", "NexusOptions"]


def _wall_clock() -> datetime:
    return datetime.now(UTC)


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
        now: Callable[[], datetime] = _wall_clock,
    ) -> None:
        self._options = options
        self._now = now
        self._secrets = options.auth.secrets()
        self._base_url = check_base_url(options.base_url)
        # identity: a small compressed body could be a large one
        self._headers = httpx.Headers(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "txtproof",
                **options.auth.headers(),
            }
        )
        # the client on top would add redirects, cookies, proxies and .netrc, none of which is wanted, and their time
        self._http = httpx.AsyncHTTPTransport(
            trust_env=False,
            # how many calls there are at a time is not this client's business: see the port `Turns`
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=KEPT),
        )

    async def generate_code(self, key: Key) -> UpstreamAnswer:
        """Ask for a code, once."""
        call = _Call()
        whole = self._options.call_timeout.total_seconds()
        try:
            async with asyncio.timeout(whole):
                await self._exchange(key, call, whole)
        except (TimeoutError, httpx.TimeoutException):
            how = "no answer" if call.sent else "not sent"
            return self._cut_short(key, call, f"{how} within {whole:g} s")
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

    async def _exchange(self, key: Key, call: _Call, left: float) -> None:
        url = f"{self._base_url}/v1/organizations/{key.organization_id}/domains/{key.domain_id}/generate-code"
        limits = httpx.Timeout(left, connect=left * CONNECTING).as_dict()
        request = httpx.Request("POST", url, headers=self._headers, extensions={"trace": call.trace, "timeout": limits})
        response = await self._http.handle_async_request(request)
        async with aclosing(response):
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
        return read_answer(reply, Reading(key, self._now(), self._secrets))

    def _cut_short(self, key: Key, call: _Call, why: str) -> UpstreamAnswer:
        if call.reply is not None and call.reply.status not in SUCCESSES:
            return self._read(key, call.reply)
        detail = presentable(why, self._secrets)
        if call.sent:
            return Ambiguous(Reason.UPSTREAM_AMBIGUOUS, detail)
        return Unreachable(Reason.UPSTREAM_UNREACHABLE, detail)
