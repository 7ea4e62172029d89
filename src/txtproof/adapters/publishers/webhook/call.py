"""One request to a webhook: bounded in time and size, without redirects, and never to an address that was not judged.

The host is looked up here, once a call, and what is connected to is one of the addresses that were found public then:
a name that leads elsewhere a moment later (DNS rebinding) leads nowhere. Certificates are checked for the host's name.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx

from txtproof.adapters.http_fields import presentable
from txtproof.adapters.public_addresses import is_public
from txtproof.adapters.publishers.trouble import Failure
from txtproof.adapters.publishers.webhook.answers import Reply
from txtproof.core import names
from txtproof.core.observations import Ambiguous, Blocked, Unreachable
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

MAX_BODY = 64 * 1024
"""Bytes of an answer's body; what is longer is not read on."""
MOST_ADDRESSES = 4
"""Addresses of one host that a connection is tried to, one after the other."""
KEPT = 8
"""Connections kept open between calls."""
CONNECTING = 0.4
"""TCP may take this share of the time left, and TLS the same: of a handshake cut short from outside, httpcore loses the
socket."""


@dataclass(slots=True)
class _Call:
    """How far a call has got, so that its failure can be judged."""

    ends: float
    """On the loop's clock."""
    sent: bool = False
    reply: Reply | None = field(default=None, repr=False)

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return max(self.ends - asyncio.get_running_loop().time(), 0.001)

    async def trace(self, event: str, _: object) -> None:
        """Follow httpcore's progress: from the first byte of the request on, it may have taken effect."""
        if event.endswith("send_request_headers.started"):
            self.sent = True


class _Stopped(Exception):
    """The call is not made; `answer` says why."""

    def __init__(self, answer: Failure) -> None:
        super().__init__(answer.reason.value)
        self.answer = answer


class WebhookCaller:
    """Post to one URL. `timeout` in seconds is for a whole call. `aclose` ends the connections."""

    def __init__(self, url: httpx.URL, timeout: float, *, allow_private: bool) -> None:
        self.host = url.raw_host.decode("ascii")
        self._url = url
        self._timeout = timeout
        self._allow_private = allow_private
        # the client on top would add redirects, cookies, proxies and .netrc, none of which is wanted
        self._http = httpx.AsyncHTTPTransport(
            # the system's certificates, so that a company's own authority can be among them
            verify=ssl.create_default_context() if url.scheme == "https" else False,
            trust_env=False,
            # how many calls there are at a time is not this client's business: see the port `Turns`
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=KEPT),
        )

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply | Failure:
        """Send a JSON body, once; return what came back, or why nothing did."""
        call = _Call(asyncio.get_running_loop().time() + self._timeout)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchanged(call, headers, body)
        except _Stopped as stopped:
            return stopped.answer
        except (TimeoutError, httpx.TimeoutException):
            return self._cut_short(call, "no answer in time" if call.sent else "no connection in time")
        except httpx.ConnectError as error:
            return self._cut_short(call, f"no connection: {error}")
        except (httpx.HTTPError, OSError) as error:
            # the kind alone: the text of a protocol error may quote a header
            return self._cut_short(call, type(error).__name__)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _exchanged(self, call: _Call, headers: Mapping[str, str], body: bytes) -> Reply:
        whole = {
            "Host": self._url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "Accept": "application/json, application/problem+json",
            # a small compressed body could be a large one
            "Accept-Encoding": "identity",
            "User-Agent": "txtproof",
            **headers,
        }
        response = await self._answered(call, whole, body)
        async with aclosing(response):
            said = response.headers
            call.reply = Reply(
                response.status_code, said.get("content-type", ""), said.get("date", ""), said.get("retry-after", "")
            )
            kept = bytearray()
            async for chunk in response.aiter_raw():
                kept += chunk
                if len(kept) > MAX_BODY:
                    return call.reply
            return replace(call.reply, body=bytes(kept))

    async def _answered(self, call: _Call, headers: Mapping[str, str], body: bytes) -> httpx.Response:
        """Send the request to the first of the host's addresses that takes a connection."""
        *others, last = await self._addresses()
        for address in others:
            try:
                return await self._asked(call, address, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # nothing was sent: the next one is as good
                continue
        return await self._asked(call, last, headers, body)

    async def _asked(self, call: _Call, address: str, headers: Mapping[str, str], body: bytes) -> httpx.Response:
        limits = httpx.Timeout(call.left, connect=call.left * CONNECTING).as_dict()
        known = {"trace": call.trace, "timeout": limits, "sni_hostname": self.host}
        request = httpx.Request(
            "POST", self._url.copy_with(host=address), headers=headers, content=body, extensions=known
        )
        return await self._http.handle_async_request(request)

    async def _addresses(self) -> list[str]:
        """Look the host up; return at least one address that may be called."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self.host, self._url.port, type=socket.SOCK_STREAM)
        except OSError as error:
            detail = presentable(f"{self.host}: its name leads nowhere: {error.strerror}")
            raise _Stopped(Unreachable(Reason.PUBLISHER_UNREACHABLE, detail)) from None
        # an address with a zone index is link-local, and can stand in no URL (RFC 9844)
        addresses = [one for one in dict.fromkeys(str(place[0]) for *_, place in found) if "%" not in one]
        allowed = [one for one in addresses if self._allow_private or is_public(one)]
        if not allowed:
            detail = f"{self.host} has no public address: it is not called unless allow_private is true"
            raise _Stopped(Blocked(Reason.PUBLISHER_REFUSED, presentable(detail)))
        return allowed[:MOST_ADDRESSES]

    def _cut_short(self, call: _Call, why: str) -> Reply | Failure:
        if call.reply is not None:
            # the status says it all
            return call.reply
        detail = presentable(f"{self.host}: {why}")
        if call.sent:
            return Ambiguous(Reason.PUBLISHER_UNREACHABLE, detail)
        return Unreachable(Reason.PUBLISHER_UNREACHABLE, detail)


def check_webhook_url(url: str, *, allow_private: bool) -> httpx.URL:
    """Return the URL. Raises ValueError that says what to write, and shows nothing of it: a path can be a secret."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url or "#" in url:
        raise ValueError("the URL must be ASCII without blanks and without a fragment: write https://HOST/PATH")
    try:
        checked = httpx.URL(url)
        host = checked.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        raise ValueError("the URL cannot be read: write https://HOST/PATH") from None
    port = 443 if checked.port is None else checked.port
    if checked.scheme not in {"http", "https"} or not names.fits(host) or not 0 < port < 65536:
        raise ValueError("the URL must be absolute: write https://HOST/PATH")
    if checked.userinfo:
        raise ValueError("the URL must hold no user or password: the requests are signed")
    if checked.scheme == "http" and not allow_private:
        raise ValueError("http shows the codes to the network: write https://HOST/PATH, or allow_private = true")
    return checked
