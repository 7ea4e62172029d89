"""PowerDNS's HTTP API: one exchange after the other within a call's time, bounded in size, and what its answers mean.

A refusal's own words are passed on only where they quote nothing: PowerDNS quotes the records that it refuses.
"""

import asyncio
import re
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import msgspec
from pydantic import SecretStr

from txtproof.adapters.nexus_fields import http_date, presentable, retry_after
from txtproof.adapters.publishers.powerdns_records import Zone
from txtproof.core.observations import Ambiguous, Blocked, Unreachable
from txtproof.core.reasons import Reason

T = TypeVar("T")

MAX_BODY = 16 * 1024 * 1024
"""Bytes of an answer: a server before 5.0 shows what is disabled only with the whole zone."""
MAX_REFUSAL = 16 * 1024
KEPT = 8
"""Connections kept open between calls."""
CONNECTING = 0.4
"""TCP may take this share of the time left, and TLS the same."""
_KEY = re.compile(r"[!-~]+")
_PLAIN = re.compile(r"[A-Za-z0-9.-]")
_LATER = frozenset({408, 425, *range(500, 600)})
_FROM_A_GATEWAY = frozenset({502, 504})
"""The server behind it may have heard the request."""


class Trouble(Exception):
    """A call that did not go through; `answer` is what the publisher answers."""

    def __init__(self, answer: Blocked | Unreachable | Ambiguous, status: int = 0, said: str = "") -> None:
        super().__init__(answer.reason.value)
        self.answer = answer
        self.status = status
        self.said = said
        """What a refusal says, for comparison only: it may quote records."""


class _Refusal(msgspec.Struct):
    error: str = ""
    errors: list[str] = []


class _Server(msgspec.Struct):
    version: str = ""


@dataclass(frozen=True, slots=True)
class Ability:
    """What a server can do, by its version."""

    extends: bool = False
    """It takes EXTEND and PRUNE: 4.9.12 and 5.0.2."""
    shows_disabled: bool = False
    """It shows the disabled records of a single name: 5.0.0."""


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


@dataclass(slots=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    oversized: bool = False


class Session:
    """One call of a publisher: what it asks and changes on the way, within one time limit."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.unanswered = False
        """True while a change is on its way: it may have taken effect."""
        self._until = asyncio.get_running_loop().time() + server.timeout

    async def zone(self, zone: str, **asked: str) -> Zone:
        """Return a zone, or what is asked for of it. Raises Trouble."""
        reply = await self._exchanged("GET", _path(zone), asked)
        if reply.status != 200:
            raise self._trouble(reply, zone)
        return self._read(reply, Zone)

    async def holds(self, zone: str) -> bool:
        """Say whether the server holds a zone of that name, as far as the key may know it. Raises Trouble."""
        try:
            await self.zone(zone, rrsets="false")
        except Trouble as trouble:
            if isinstance(trouble.answer, Blocked) and trouble.status in {403, 404, 422}:
                return False
            raise
        return True

    async def change(self, zone: str, rrsets: Sequence[Mapping[str, Any]]) -> None:
        """Change record sets, all of them or none. Raises Trouble."""
        reply = await self._exchanged("PATCH", _path(zone), {}, msgspec.json.encode({"rrsets": rrsets}))
        if reply.status not in {200, 204}:
            raise self._trouble(reply, zone, changing=True)

    async def ability(self) -> Ability:
        """Return what the server can do: it is asked once. Raises Trouble."""
        if self.server.ability is None:
            reply = await self._exchanged("GET", "", {})
            if reply.status not in {200, 403, 404}:
                raise self._trouble(reply, "")
            self.server.ability = _ability(self._read(reply, _Server).version) if reply.status == 200 else Ability()
        return self.server.ability

    async def _exchanged(self, method: str, path: str, asked: Mapping[str, str], body: bytes | None = None) -> _Reply:
        server = self.server
        left = max(self._until - asyncio.get_running_loop().time(), 0.001)
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
                reply = _Reply(response.status_code, response.headers)
                return await _filled(reply, response)
        except (httpx.HTTPError, OSError) as fault:
            raise Trouble(self.cut_short(type(fault).__name__)) from None

    async def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started") and info["request"].method == b"PATCH":
            self.unanswered = True

    def cut_short(self, why: str) -> Unreachable | Ambiguous:
        """Return what it means that there is no answer; `why` may not be the text of an error, which quotes."""
        if self.unanswered:
            return Ambiguous(Reason.PUBLISHER_UNREACHABLE, f"{self.server.url}: no answer to a change ({why})"[:200])
        return self._unreachable(f"no answer ({why})")

    def _read(self, reply: _Reply, kind: type[T]) -> T:
        if reply.oversized:
            raise Trouble(self._blocked(Reason.PUBLISHER_REFUSED, f"more than {MAX_BODY >> 20} MiB in an answer"))
        try:
            return msgspec.json.decode(reply.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Trouble(self._unreachable("the answer is not one of PowerDNS: check the url")) from None

    def _trouble(self, reply: _Reply, zone: str, *, changing: bool = False) -> Trouble:
        status = reply.status
        wait = retry_after(reply.headers.get("retry-after"), http_date(reply.headers.get("date")) or _now())
        if status in _FROM_A_GATEWAY and changing:
            self.unanswered = True
            return Trouble(self.cut_short(str(status)), status)
        if status in _LATER:
            text = f"{self.server.url}: answered {status}"[:200]
            return Trouble(Unreachable(Reason.PUBLISHER_UNREACHABLE, text, wait), status)
        if status == 429:
            text = f"{self.server.url}: asks to be called less often"[:200]
            return Trouble(Unreachable(Reason.RATE_LIMITED, text, wait), status)
        said = _said(reply)
        return Trouble(self._refused(status, said, zone), status, said)

    def _refused(self, status: int, said: str, zone: str) -> Blocked:
        match status:
            case 401:
                return self._blocked(Reason.PUBLISHER_AUTH, "it refuses the API key (401): check api_key")
            case 404:
                where = f"as server {self.server.server_id}"
                return self._blocked(Reason.NO_ZONE, f"it does not hold the zone {zone} {where} (404)")
            case 422 if "could not find domain" in said:
                return self._blocked(Reason.NO_ZONE, f"it does not hold the zone {zone} (422)")
            case 422 if "out of zone" in said:
                return self._blocked(Reason.NO_ZONE, f"the name does not lie in the zone {zone} (422)")
            case 422 if "conflicts with" in said:
                return self._blocked(Reason.NAME_IS_CNAME, "a CNAME stands at the name (422)")
            case 422 if said.startswith("record "):
                return self._blocked(Reason.INVALID_VALUE, "it cannot store a value at the name (422)")
            case status if 300 <= status <= 399:
                return self._blocked(Reason.PUBLISHER_REFUSED, f"it redirects ({status}): write the url it leads to")
        words = "" if re.search("[\"'`]", said) else presentable(said, [self.server.api_key.get_secret_value()])
        return self._blocked(Reason.PUBLISHER_REFUSED, f"it refuses ({status}) {words}".strip())

    def _blocked(self, reason: Reason, text: str) -> Blocked:
        return Blocked(reason, f"{self.server.url}: {text}"[:200])

    def _unreachable(self, text: str) -> Unreachable:
        return Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{self.server.url}: {text}"[:200])


async def answered(session: Session, work: Coroutine[Any, Any, T]) -> T | Blocked | Unreachable | Ambiguous:
    """Do a publisher's work within its session's time; trouble becomes the answer."""
    try:
        async with asyncio.timeout(session.server.timeout):
            return await work
    except Trouble as trouble:
        return trouble.answer
    except TimeoutError:
        return session.cut_short("in time")


def check_api_key(key: SecretStr) -> SecretStr:
    """Return the key. Raises ValueError where it cannot stand in a header."""
    if not _KEY.fullmatch(key.get_secret_value()):
        raise ValueError("the API key must be printable ASCII without blanks: write it as api-key in pdns.conf has it")
    return key


def _path(zone: str) -> str:
    """Return a zone's path: its id is its name, with `=XX` for what could mean something in a URL."""
    return "/zones/" + "".join(one if _PLAIN.match(one) else f"={ord(one):02X}" for one in f"{zone}.")


def _ability(version: str) -> Ability:
    found = re.match(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})", version)
    number = tuple(map(int, found.groups())) if found else ()
    return Ability(extends=number >= (5, 0, 2) or (4, 9, 12) <= number < (5,), shows_disabled=number >= (5,))


async def _filled(reply: _Reply, response: httpx.Response) -> _Reply:
    most = MAX_BODY if reply.status == 200 else MAX_REFUSAL
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most:
            break
    reply.body, reply.oversized = bytes(body[:most]), len(body) > most
    return reply


def _said(reply: _Reply) -> str:
    try:
        refusal = msgspec.json.decode(reply.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return " ".join([refusal.error, *refusal.errors]).lower()


def _now() -> datetime:
    return datetime.now(UTC)
