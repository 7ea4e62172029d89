"""PowerDNS's HTTP API: one exchange after the other, within a call's time, and bounded in size."""

import asyncio
import re
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import msgspec
from pydantic import SecretStr

from txtproof.adapters.publishers.powerdns.answers import (
    Ability,
    ApiTrouble,
    Reply,
    Version,
    meaning,
    read,
    unreachable,
)
from txtproof.adapters.publishers.powerdns.records import Zone
from txtproof.adapters.publishers.trouble import Failure, within
from txtproof.core.observations import Ambiguous, Unreachable
from txtproof.core.reasons import Reason

T = TypeVar("T")

MAX_BODY = 16 * 1024 * 1024
"""Bytes of an answer: a server before 5.0 shows what is disabled only with the whole zone."""
MAX_REFUSAL = 16 * 1024
KEPT = 8
"""Connections kept open between calls."""
CONNECTING = 0.4
"""TCP may take this share of the time left, and TLS the same."""
HIDDEN = frozenset({403, 404, 422})
"""Statuses for a zone that is not there, or that a proxy in front keeps to itself."""
FROM_A_GATEWAY = frozenset({502, 504})
"""The server behind it may have heard the request."""
_KEY = re.compile(r"[!-~]+")
_PLAIN = re.compile(r"[A-Za-z0-9.-]")


@dataclass(slots=True)
class Server:
    """A PowerDNS, and how it is called."""

    url: str
    """Without a slash at its end."""
    server_id: str
    api_key: SecretStr = field(repr=False)
    timeout: float
    """Seconds for a call."""
    ability: Ability | None = None
    """None as long as it has not been asked."""
    http: httpx.AsyncHTTPTransport = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # a client on top would add redirects, cookies, proxies and .netrc, none of which is wanted
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=KEPT)
        self.http = httpx.AsyncHTTPTransport(trust_env=False, limits=limits)

    def headers(self) -> dict[str, str]:
        """Return what every request has; identity, since a small compressed body could be a large one."""
        key = self.api_key.get_secret_value()
        return {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "txtproof", "X-API-Key": key}


class Session:
    """One call of a publisher: what it asks and changes on the way, within one time limit."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.unanswered = False
        """True while a change is on its way: it may have taken effect."""
        self._until = asyncio.get_running_loop().time() + server.timeout

    async def zone(self, zone: str, **asked: str) -> Zone:
        """Return a zone, or what is asked for of it. Raises ApiTrouble."""
        reply = await self._exchanged("GET", zone, asked)
        if reply.status != 200:
            raise self._trouble(reply, zone)
        return read(reply, Zone, self.server.url)

    async def holds(self, zone: str) -> bool:
        """Say whether the server holds a zone of that name, as far as the key may know it. Raises ApiTrouble."""
        reply = await self._exchanged("GET", zone, {"rrsets": "false"})
        if reply.status == 200 or reply.status in HIDDEN:
            return reply.status == 200
        raise self._trouble(reply, zone)

    async def change(self, zone: str, rrsets: Sequence[Mapping[str, Any]]) -> None:
        """Change record sets, all of them or none. Raises ApiTrouble."""
        reply = await self._exchanged("PATCH", zone, {}, msgspec.json.encode({"rrsets": rrsets}))
        if reply.status in FROM_A_GATEWAY:
            self.unanswered = True
            raise ApiTrouble(self.cut_short(str(reply.status)))
        if reply.status not in {200, 204}:
            raise self._trouble(reply, zone)

    async def ability(self) -> Ability:
        """Return what the server can do: it is asked once. Raises ApiTrouble."""
        if self.server.ability is None:
            reply = await self._exchanged("GET", None, {})
            if reply.status == 200:
                self.server.ability = read(reply, Version, self.server.url).ability()
            elif reply.status in HIDDEN:
                self.server.ability = Ability()
            else:
                raise self._trouble(reply, "")
        return self.server.ability

    async def _exchanged(
        self, method: str, zone: str | None, asked: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        server = self.server
        left = max(self._until - asyncio.get_running_loop().time(), 0.001)
        path = "" if zone is None else f"/zones/{zone_id(zone)}"
        request = httpx.Request(
            method,
            httpx.URL(f"{server.url}/api/v1/servers/{server.server_id}{path}", params=dict(asked)),
            headers={**server.headers(), **({"Content-Type": "application/json"} if body else {})},
            content=body,
            extensions={"timeout": httpx.Timeout(left, connect=left * CONNECTING).as_dict(), "trace": self._trace},
        )
        try:
            response = await server.http.handle_async_request(request)
            async with aclosing(response):
                # the answer is there with its status: whatever becomes of the body
                self.unanswered = False
                return await _read_out(response)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # closed in order, or reset: that depends on what of the request had come by then
            raise ApiTrouble(self.cut_short("hung up; webserver-allow-from says who may call")) from None
        except (httpx.HTTPError, OSError) as fault:
            # the kind alone: the text of a protocol error may quote a header
            raise ApiTrouble(self.cut_short(type(fault).__name__)) from None

    async def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started") and info["request"].method == b"PATCH":
            self.unanswered = True

    def cut_short(self, why: str) -> Unreachable | Ambiguous:
        """Return what it means that there is no answer."""
        if self.unanswered:
            return Ambiguous(Reason.PUBLISHER_UNREACHABLE, f"{self.server.url}: no answer to a change ({why})"[:200])
        return unreachable(self.server.url, f"no answer ({why})")

    def _trouble(self, reply: Reply, zone: str) -> ApiTrouble:
        server = self.server
        return meaning(reply, server.url, f"{zone} as server {server.server_id}", server.api_key.get_secret_value())


async def answered(session: Session, work: Coroutine[Any, Any, T]) -> T | Failure:
    """Do a publisher's work within its session's time."""
    return await within(session.server.timeout, work, lambda: session.cut_short("in time"))


def check_api_key(key: SecretStr) -> SecretStr:
    """Return the key. Raises ValueError where it cannot stand in a header."""
    if not _KEY.fullmatch(key.get_secret_value()):
        raise ValueError("the API key must be printable ASCII without blanks: write it as api-key in pdns.conf has it")
    return key


def zone_id(zone: str) -> str:
    """Return what the API calls a zone: its name, with `=XX` for what could mean something in a URL."""
    return "".join(one if _PLAIN.match(one) else f"={ord(one):02X}" for one in f"{zone}.")


async def _read_out(response: httpx.Response) -> Reply:
    most = MAX_BODY if response.status_code == 200 else MAX_REFUSAL
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most:
            break
    return Reply(response.status_code, response.headers, bytes(body[:most]), len(body) > most)
