"""Somebody between the publisher and MiniStack: counts requests, delays them, answers some with errors."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

FIND, LIST, CHANGE = "ListHostedZonesByName", "ListResourceRecordSets", "ChangeResourceRecordSets"
ERROR = """<?xml version="1.0"?>
<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>{code}</Code>
<Message>{message}</Message></Error><RequestId>b25f48e8</RequestId></ErrorResponse>"""


class Reply(NamedTuple):
    """What the publisher gets. A body that is shorter than it claims is one that breaks off."""

    status: int
    body: bytes = b""
    location: str = ""
    claimed: int | None = None


class HangUp(Exception):
    """The connection ends without an answer."""


Script = Callable[[str], Reply | None]
"""Takes what a request asks for; None: it goes on to MiniStack. May raise HangUp, and take its time."""


def error(code: str, status: int = 400, message: str = "as documented") -> Reply:
    """Return an error as Route 53 has it."""
    return Reply(status, ERROR.format(code=code, message=message).encode())


@dataclass(slots=True)
class Middleman:
    """What has come by, and what is done with it."""

    target: str
    script: Script = lambda _: None
    asked: list[str] = field(default_factory=list)
    url: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def on(self, operation: str, *replies: Reply) -> None:
        """Answer requests of a kind with these, one after the other; the last one stays."""
        left = list(replies)

        def script(asked: str) -> Reply | None:
            if asked != operation:
                return None
            return left.pop(0) if len(left) > 1 else left[0]

        self.script = script

    def before(self, operation: str, act: Callable[[], Any], times: int = 1) -> None:
        """Do something before requests of a kind go on, so often."""
        left = [None] * times

        def script(asked: str) -> Reply | None:
            if asked == operation and left:
                left.pop()
                act()
            return None

        self.script = script

    def hold(self, operation: str) -> threading.Event:
        """Leave requests of a kind without an answer; return what is set when the first one has come."""
        came = threading.Event()

        def script(asked: str) -> Reply | None:
            if asked == operation:
                came.set()
                self.closing.wait(30)
                raise HangUp
            return None

        self.script = script
        return came


@contextmanager
def between(target: str) -> Iterator[Middleman]:
    """Listen on loopback, in threads, for as long as the block lasts."""
    middleman = Middleman(target)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"middleman": middleman}))
    middleman.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield middleman
    finally:
        middleman.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    middleman: Middleman
    protocol_version = "HTTP/1.1"
    timeout = 5
    """Seconds; a client that keeps its connection open holds no thread for longer."""

    def do_GET(self) -> None:
        self._handle(FIND if "hostedzonesbyname" in self.path else LIST)

    def do_POST(self) -> None:
        self._handle(CHANGE)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _handle(self, asked: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.middleman.asked.append(asked)
        try:
            reply = self.middleman.script(asked) or self._forwarded(body)
            self._send(reply)
        except (HangUp, OSError):
            self.close_connection = True

    def _forwarded(self, body: bytes) -> Reply:
        place = urlsplit(self.middleman.target)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
        try:
            connection.request(self.command, self.path, body or None, dict(self.headers))
            answer = connection.getresponse()
            return Reply(answer.status, answer.read())
        finally:
            connection.close()

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(reply.body) if reply.claimed is None else reply.claimed))
        if reply.location:
            self.send_header("Location", reply.location)
        self.end_headers()
        self.wfile.write(reply.body)
        if reply.claimed is not None:
            self.close_connection = True
