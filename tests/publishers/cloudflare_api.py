"""A stand-in of the Cloudflare API (v4) over real HTTP on loopback, from its documentation; scriptable."""

import asyncio
import json
import math
import threading
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.publishers.cloudflare_zones import Invalid, Zone
from txtproof.rehearsal.nexus_server import LoopbackServer

ROOT = "/client/v4"
Answer = tuple[int, Any]


@dataclass(frozen=True)
class Fault:
    """How a request is answered in place of the usual answer."""

    status: int = 200
    body: bytes | None = None
    """None: the usual answer's."""
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    """True: what was asked for is done all the same."""
    reset: bool = False
    silent: bool = False
    endless: bool = False
    """True: the body is good, and then blanks come until the caller hangs up."""
    meanwhile: Callable[[], object] = lambda: None
    """What happens just before."""
    twist: Callable[[Any], Any] | None = None
    """What becomes of the usual answer."""


def refusal(status: int, *codes: int, **headers: str) -> Fault:
    """Return an answer without success."""
    errors = [{"code": code, "message": "in the vendor's words"} for code in codes]
    body = {"result": None, "success": False, "errors": errors, "messages": []}
    return Fault(status, json.dumps(body).encode(), {name.replace("_", "-"): said for name, said in headers.items()})


class CloudflareApi:
    """Run the stand-in for as long as the `with` block lasts."""

    def __init__(self, token: str, *zones: Zone, most_per_page: int = 5_000_000) -> None:
        self.token = self._first_token = token
        self.zones = list(zones)
        self.most_per_page = most_per_page
        self.requests: list[str] = []
        """Method, path and query of each, oldest first."""
        self.may_search = True
        self.may_edit = True
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        route = Route(f"{ROOT}/{{path:path}}", self._handled, methods=["GET", "POST", "DELETE"])
        self._server = LoopbackServer(Starlette(routes=[route]))
        self.base_url = f"{self._server.start()}{ROOT}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def begin(self, *zones: Zone) -> Self:
        """Begin anew, with other zones."""
        with self._lock:
            self.zones[:] = zones
            self.token, self.may_search, self.may_edit = self._first_token, True, True
            self.requests.clear()
            self._faults.clear()
        return self

    def script(self, what: str, *faults: Fault) -> None:
        """Say how the next requests are answered: `search` for a zone, `list`, `add` or `delete` records."""
        self._faults[what].extend(faults)

    async def _handled(self, request: Request) -> Response:
        sent = await request.body()
        parts = request.path_params["path"].split("/")
        what = {"POST": "add", "DELETE": "delete"}.get(request.method, "search" if parts == ["zones"] else "list")
        with self._lock:
            query = f"?{request.url.query}" if request.url.query else ""
            self.requests.append(f"{request.method} /{'/'.join(parts)}{query}")
            fault = self._faults[what].popleft() if self._faults[what] else None
        if fault is None:
            return _response(*self._answered(what, request, parts, sent))
        fault.meanwhile()
        status, body = self._answered(what, request, parts, sent) if fault.done or fault.body is None else (200, None)
        if fault.reset:
            self._server.reset(request)
        if fault.reset or fault.silent:
            await self._server.pause(request, None)
        if fault.endless:
            return StreamingResponse(_endless(), fault.status, fault.headers, media_type="application/json")
        if fault.body is not None:
            return Response(fault.body, fault.status, fault.headers, media_type="application/json")
        return _response(status, fault.twist(body) if fault.twist else body, fault.headers)

    def _answered(self, what: str, request: Request, parts: list[str], sent: bytes) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return (403, _failed(9109)) if what == "search" else (400, _failed(9106))
        if what == "search":
            return self._search(request) if self.may_search else (403, _failed(9109))
        zone = next((one for one in self.zones if [one.id, "dns_records"] == parts[1:3]), None)
        if zone is None:
            return 404, _failed(7003)
        if what == "list":
            return self._list(zone, request)
        if not self.may_edit:
            return 403, _failed(10000)
        if what == "delete":
            return (200, _done({"id": parts[3]})) if zone.drop(parts[3]) else (404, _failed(81044))
        try:
            made = zone.take(json.loads(sent))
        except Invalid as invalid:
            return 400, _failed(invalid.code, invalid.message)
        return 200, _done(zone.shown(made))

    def _search(self, request: Request) -> Answer:
        wanted = request.query_params["name"]
        found = [{"id": one.id, "name": one.name, "status": one.status} for one in self.zones if one.name == wanted]
        return 200, _done(found, result_info=_info(1, 20, len(found)))

    def _list(self, zone: Zone, request: Request) -> Answer:
        asked = request.query_params
        page, per_page = int(asked["page"]), min(int(asked["per_page"]), self.most_per_page)
        found = [zone.shown(one) for one in zone.at(asked["name.exact"], asked.get("type"))]
        part = found[(page - 1) * per_page : page * per_page]
        return 200, _done(part, result_info={**_info(page, per_page, len(found)), "count": len(part)})


def _info(page: int, per_page: int, total: int) -> dict[str, int]:
    pages = math.ceil(total / per_page)
    return {"page": page, "per_page": per_page, "count": total, "total_count": total, "total_pages": pages}


def _done(result: Any, **more: Any) -> Any:
    return {"result": result, "success": True, "errors": [], "messages": [], **more}


def _failed(code: int, message: str = "in the vendor's words") -> Any:
    return {"result": None, "success": False, "errors": [{"code": code, "message": message}], "messages": []}


def _response(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body).encode(), status, headers, media_type="application/json")


async def _endless() -> AsyncIterator[bytes]:
    yield b'{"success": true, "result": []}'
    while True:
        yield b" " * 65536
        await asyncio.sleep(0)
