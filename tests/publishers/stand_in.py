"""A server of somebody else on loopback, over HTTP, and over HTTPS for any name: clients reach it as their proxy."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """An answer; the body may come in pieces, each when it is ready."""

    status: int
    body: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)


Answering = Callable[[Asked], Said]


@cache
def _trusted(hosts: tuple[str, ...]) -> tuple[trustme.Blob, ssl.SSLContext]:
    """Return whom to trust, and the proof that it vouches for these names."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if hosts:
        authority.issue_cert(*hosts).configure_cert(tls)
    return authority.cert_pem, tls


class StandIn(ThreadingHTTPServer):
    """The server; `asked` is all that it was asked."""

    daemon_threads = True

    def __init__(self, answering: Answering, hosts: tuple[str, ...]) -> None:
        super().__init__((ADDRESS, 0), _Handler)
        self.answering = answering
        self.asked: list[Asked] = []
        self.authority, self.tls = _trusted(hosts)

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://{ADDRESS}:{self.server_address[1]}"

    def environ(self, directory: Path) -> dict[str, str]:
        """Return what leads `requests` to it, and has it trusted."""
        bundle = directory / "authority.pem"
        self.authority.write_to_path(bundle)
        return {"HTTPS_PROXY": self.url, "NO_PROXY": "", "REQUESTS_CA_BUNDLE": str(bundle)}

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    host = ""

    def do_CONNECT(self) -> None:
        self.host = self.path.partition(":")[0]
        self.send_response_only(200)
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def finish(self) -> None:
        # wrapped, it is no longer the socket that the server closes
        with self.connection, suppress(OSError):
            super().finish()

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        host = self.host or self.headers.get("Host", "")
        asked = Asked(self.command, host, self.path, dict(self.headers), self.rfile.read(length))
        self.server.asked.append(asked)
        said = self.server.answering(asked)
        self.send_response_only(said.status)
        whole = said.body if isinstance(said.body, bytes) else None
        if whole is None:
            self.close_connection = True
        given = {"Content-Length": str(len(whole))} if whole is not None else {"Connection": "close"}
        for name, value in {**given, **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in [whole] if whole is not None else said.body:
            self.wfile.write(piece)  # type: ignore[arg-type]  # bytes in both

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # their names in the standard library


@contextmanager
def standing_in(answering: Answering, *hosts: str) -> Iterator[StandIn]:
    """Run it for as long as the block lasts."""
    with StandIn(answering, hosts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
