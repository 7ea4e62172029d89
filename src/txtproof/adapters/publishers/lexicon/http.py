"""HTTP for lexicon, which has no limits of its own: no time limit, any size, any redirect, any logged line.

What a provider's module calls `requests` is replaced in that one module. Nobody else's `requests` is touched.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

MAX_BODY = 8 * 1024 * 1024
"""Bytes of an answer; most providers are asked for the whole zone."""
PIECE = 64 * 1024
"""Bytes read at a time."""
THREADS = "lexicon"
"""How the names of the threads begin in which lexicon works."""
READS = frozenset({"GET", "HEAD"})


class Late(Exception):
    """The time for the call is up, or nobody waits for it any more: nothing is sent any more."""


class Oversized(Exception):
    """An answer is larger than any that is believed."""


class Call:
    """What a whole call may still do; shared by the thread that makes it and the loop that waits for it."""

    def __init__(self, time_left: timedelta) -> None:
        self._until = time.monotonic() + time_left.total_seconds()
        self._over = threading.Event()
        self.wrote = False
        """True from the first request on that may have changed something."""

    def left(self) -> float:
        """Return the seconds left. Raises Late where there are none."""
        left = self._until - time.monotonic()
        if left <= 0 or self._over.is_set():
            raise Late
        return left

    def end(self) -> None:
        """Have it send nothing more."""
        self._over.set()

    @contextmanager
    def changing_nothing(self) -> Iterator[None]:
        """Count nothing inside the block as a write: a token is had by POST too."""
        before = self.wrote
        try:
            yield
        finally:
            self.wrote = before


_CALL: ContextVar[Call] = ContextVar("_CALL")


@contextmanager
def on_behalf(call: Call) -> Iterator[None]:
    """Have all requests inside the block count for a call."""
    token = _CALL.set(call)
    try:
        yield
    finally:
        _CALL.reset(token)


class BoundedSession(requests.Session):
    """A session whose requests keep to the call that they are made for."""

    def __init__(self) -> None:
        super().__init__()
        # a small compressed body could be a large one
        self.headers["Accept-Encoding"] = "identity"
        # proxies and certificates are the environment's, credentials are not: without this, .netrc replaces them
        self.auth = _as_it_is
        self._plain = HTTPAdapter()

    def get_adapter(self, url: str | bytes) -> BaseAdapter:  # noqa: ARG002  # one for all
        """Return one that repeats nothing, whatever a provider has mounted."""
        return self._plain

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:
        """Send within the time that is left, follow no redirect, and read no more than is believed."""
        call = _CALL.get()
        left = call.left()
        call.wrote = call.wrote or request.method not in READS
        response = super().send(request, **{**given, "timeout": left, "allow_redirects": False, "stream": True})
        with response:
            body = _body(response, call)
        response._content = body  # noqa: SLF001  # as `requests` does itself; nothing public sets it
        response._content_consumed = True  # noqa: SLF001  # as above
        # JSON is UTF-8 (RFC 8259, 8.1); guessing would go through the whole body many times, and log what it thinks
        response.encoding = "utf-8"
        if response.is_redirect:
            raise requests.HTTPError("a redirect", response=response)
        return response


def _body(response: requests.Response, call: Call) -> bytes:
    body = bytearray()
    while piece := response.raw.read1(PIECE, decode_content=True):
        body += piece
        if len(body) > MAX_BODY:
            raise Oversized
        call.left()
    return bytes(body)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class BoundedRequests:
    """The module `requests`, as far as lexicon's providers use it."""

    Session = BoundedSession

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    def request(self, method: str, url: str, **given: Any) -> requests.Response:
        """Make one request."""
        with BoundedSession() as session:
            return session.request(method, url, **given)

    def get(self, url: str, **given: Any) -> requests.Response:
        """Make one request."""
        return self.request("GET", url, **given)

    def post(self, url: str, **given: Any) -> requests.Response:
        """Make one request."""
        return self.request("POST", url, **given)


class ZoneParts:
    """The module `tldextract`, as far as lexicon's providers use it, without the list that it downloads."""

    class Parts:
        """A zone, cut in two; the cut does not matter, since it is put together again."""

        def __init__(self, zone: str) -> None:
            self.domain, _, self.suffix = zone.partition(".")

    def extract(self, zone: str) -> "ZoneParts.Parts":
        """Cut a zone that is given, and guess nothing."""
        return self.Parts(zone)


def silence() -> None:
    """Keep what is sent and received out of the logs, at whatever level: lexicon logs values, urllib3 logs URLs."""
    logging.getLogger("lexicon").setLevel(logging.CRITICAL + 1)
    logging.getLogger("urllib3.connectionpool").addFilter(_of_others)


def _of_others(_: logging.LogRecord) -> bool:
    return not threading.current_thread().name.startswith(THREADS)
