"""A service that is told by webhooks what to write, as a platform team would build it: real HTTP, and zones that last.

Signatures are verified by the library of those who wrote the convention down, and not by code of ours.
"""

import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from txtproof.core.observations import Blocked, Published
from txtproof.rehearsal.nexus_server import LoopbackServer
from txtproof.testing.publisher import MemoryPublisher
from txtproof.testing.zones import MemoryZones

ZONE = "example.test"
SECRET = "whsec_c2VjcmV0LW9mLXRoZS1wbGF0Zm9ybS10ZWFt"
PATH = "/records/token-of-the-path"


@dataclass(frozen=True, slots=True)
class Told:
    """A request that was signed by who knows the secret."""

    headers: Mapping[str, str] = field(repr=False)
    wish: Any


class Receiver:
    """Write what it is told, unless a test says how the next requests are answered instead."""

    def __init__(self, zone: str = ZONE, tls: ssl.SSLContext | None = None) -> None:
        self.zones = MemoryZones(zone)
        self.told: list[Told] = []
        self.url = ""
        self.script: deque[Response | None] = deque()
        """None: no answer at all, and the connection stays; it ends where the caller ends it."""
        self.takes_effect = False
        """True: a scripted answer is given after the records were written."""
        self._publisher = MemoryPublisher(self.zones)
        self._webhook = Webhook(SECRET)
        self._server = LoopbackServer(Starlette(routes=[Route(PATH, self._heard, methods=["POST"])]))
        self._tls = tls is not None
        if tls is not None:
            self._server.config.load()
            self._server.config.ssl = tls

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        """Serve for as long as the block lasts."""
        self.url = self._server.start() + PATH
        if self._tls:
            self.url = self.url.replace("http:", "https:")
        try:
            yield self
        finally:
            self._server.stop()

    async def _heard(self, request: Request) -> Response:
        try:
            wish = self._webhook.verify(await request.body(), dict(request.headers))
        except WebhookVerificationError:
            return problem(401, "The signature does not hold")
        self.told.append(Told(dict(request.headers), wish))
        if not self.script:
            return await self._done(wish)
        answer = self.script.popleft()
        if self.takes_effect:
            await self._done(wish)
        if answer is None:
            await self._server.pause(request, None)
        return answer or Response()

    async def _done(self, wish: Any) -> Response:
        zone, name, value = wish["zone"], wish["name"], wish["value"].encode()
        if wish["action"] == "cleanup":
            gone = await self._publisher.remove_txt(zone, name, value)
            return problem(404, "No such zone") if isinstance(gone, Blocked) else Response(status_code=204)
        stale = [one.encode() for one in wish["replaces"]]
        answer = await self._publisher.ensure_txt(zone, name, value, wish["ttl"], stale)
        if isinstance(answer, Published):
            return JSONResponse({"changed": answer.changed})
        return problem(404, "No such zone")


def problem(status: int, title: str, **headers: str) -> Response:
    """Answer with a problem (RFC 9457)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"type": "about:blank", "title": title}, status, named, "application/problem+json")
