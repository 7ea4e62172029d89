"""A stand-in of the Nexus API over real HTTP on loopback, scriptable, with a ledger of its own."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from txtproof.core.events import Json
from txtproof.core.model import Key
from txtproof.rehearsal.nexus_ledger import USUAL_LIFETIME, Answer, Call, IssuedCode, Ledger
from txtproof.rehearsal.nexus_server import LoopbackServer

PATH = "/v1/organizations/{organization_id:int}/domains/{domain_id:int}/generate-code"

__all__ = ["Answer", "Call", "Credentials", "IssuedCode", "NexusStandIn"]


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the stand-in lets in: Bearer and application token together, or user and password."""

    token: str = field(default="rehearsal-bearer", repr=False)
    application_token: str = field(default="rehearsal-application", repr=False)
    header: str = "ApplicationToken"
    username: str = "rehearsal-user"
    password: str = field(default="rehearsal-password", repr=False)

    def admit(self, headers: Mapping[str, str]) -> bool:
        """Say whether a request with these headers may come in."""
        said = headers.get("authorization")
        if said == f"Bearer {self.token}":
            return headers.get(self.header) == self.application_token
        return said == f"Basic {b64encode(f'{self.username}:{self.password}'.encode()).decode()}"


class NexusStandIn:
    """Run the stand-in for as long as the `with` block lasts, on a thread and a port of its own.

    Either way of authentication is taken. `now` is its clock: codes and the `Date` header go by it.
    """

    def __init__(
        self,
        *,
        credentials: Credentials | None = None,
        port: int = 0,
        now: Callable[[], datetime] = _wall_clock,
    ) -> None:
        self.credentials = credentials or Credentials()
        self._port = port
        self._now = now
        self._ledger = Ledger()
        self.url = ""
        """Known from the start of the `with` block."""

    def __enter__(self) -> Self:
        self._server = LoopbackServer(self._app())
        self.url = self._server.start(self._port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    # What it knows and how it answers

    def register(
        self,
        organization_id: int,
        domain_id: int,
        domain: str | None,
        *,
        lifetime: timedelta | None = USUAL_LIFETIME,
        first_lifetimes: Iterable[timedelta | None] = (),
    ) -> None:
        """Add a domain. `lifetime` is that of its codes (None: they have no expiry), after the first ones'."""
        self._ledger.register(Key(organization_id, domain_id), domain, lifetime, first_lifetimes)

    def script(self, organization_id: int, domain_id: int, *answers: Answer) -> None:
        """Say how the next calls for a registered domain are answered; after that come the usual answers."""
        self._ledger.script(Key(organization_id, domain_id), answers)

    def unscript(self, organization_id: int, domain_id: int) -> None:
        """Have a domain's calls answered as usual again."""
        self._ledger.unscript(Key(organization_id, domain_id))

    # What it was asked

    @property
    def calls(self) -> tuple[Call, ...]:
        """Return every call so far."""
        return self._ledger.calls

    @property
    def overlaps(self) -> int:
        """Return how many calls began while another for the same key was in flight: it must stay 0.

        A call is over when it is answered or when its caller has gone.
        """
        return len(self._ledger.overlapping)

    @property
    def overlapping(self) -> tuple[Key, ...]:
        """Return the keys of those calls."""
        return self._ledger.overlapping

    @property
    def in_flight(self) -> dict[Key, tuple[int, ...]]:
        """Return the keys that are being called for now, with the ports of their callers."""
        return self._ledger.in_flight

    @property
    def unexpected(self) -> tuple[Key, ...]:
        """Return the keys that were asked for and are not registered."""
        return self._ledger.unexpected

    @property
    def issued(self) -> dict[Key, tuple[IssuedCode, ...]]:
        """Return the codes of each key, the oldest first."""
        return self._ledger.issued

    def live(self, organization_id: int, domain_id: int) -> IssuedCode | None:
        """Return the code that counts now: the last one, unless it has expired."""
        codes = self.issued.get(Key(organization_id, domain_id), ())
        return codes[-1] if codes and codes[-1].lives(self._now()) else None

    # Answering

    def _app(self) -> Starlette:
        return Starlette(routes=[Route(PATH, self._generate_code, methods=["POST"])])

    async def _generate_code(self, request: Request) -> ASGIApp:
        try:
            key = Key(request.path_params["organization_id"], request.path_params["domain_id"])
        except ValueError:
            return self._problem(400, "Bad Request", "an id is a positive int32")

        async def in_flight(scope: Scope, receive: Receive, send: Send) -> None:
            port = scope["client"][1]
            self._ledger.enter(key, port)
            try:
                response = await self._answered(request, key)
                await response(scope, receive, send)
            finally:
                self._ledger.leave(key, port)

        return in_flight

    async def _answered(self, request: Request, key: Key) -> Response:
        if not self.credentials.admit(request.headers):
            self._ledger.refuse(key, 401, self._now())
            return self._problem(401, "Unauthorized", "Bearer and ApplicationToken, or Basic")
        if await request.body():
            self._ledger.refuse(key, 400, self._now())
            return self._problem(400, "Bad Request", "this operation takes no body")
        processed = self._ledger.process(key, self._now())
        if processed is None:
            return self._problem(404, "Not Found", f"no domain {key.domain_id} in organization {key.organization_id}")
        answer, members = processed
        if answer.reset:
            self._server.reset(request)
        if answer.reset or answer.after:
            await self._server.pause(request, None if answer.reset else answer.after.total_seconds())
        return self._response(answer, members)

    def _response(self, answer: Answer, members: dict[str, Json]) -> Response:
        response: Response
        if answer.trickles:
            response = StreamingResponse(_trickling(answer.trickles), answer.status, media_type="application/json")
        elif answer.body is not None:
            response = Response(answer.body, answer.status, media_type="application/json")
        elif members:
            response = JSONResponse(members, answer.status)
        else:
            response = self._problem(answer.status, "Scripted", "the rehearsal wants it so")
        response.headers["Date"] = format_datetime(self._now(), usegmt=True)
        response.headers.update(answer.headers)
        return response

    def _problem(self, status: int, title: str, detail: str) -> Response:
        body = {"type": None, "title": title, "detail": detail, "status": status, "instance": None}
        date = {"Date": format_datetime(self._now(), usegmt=True)}
        return JSONResponse(body, status, date, media_type="application/problem+json")


async def _trickling(whole: timedelta) -> AsyncIterator[bytes]:
    """Send a body that is valid so far and never comes to its end in time."""
    yield b"{"
    for _ in range(int(whole.total_seconds() * 10)):
        await asyncio.sleep(0.1)
        yield b" "
    yield b"}"
