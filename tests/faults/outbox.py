"""A consumer of the outbox that is there all the time: what was told once stays told, whatever the store forgets."""

import threading
from typing import Any

import redis

from tests.faults.account import Told
from txtproof.core.model import Key

PAUSE = 0.1
"""Seconds between two tries where the server is away."""


class Outbox:
    """Read `txtproof:events` on a thread of its own, from `start` to `close`."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=5)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._events: list[Told] = []
        self._kinds: dict[Key, list[str]] = {}
        self._ended: set[Key] = set()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._closing.set()
        self._thread.join()
        self._redis.close()

    @property
    def events(self) -> tuple[Told, ...]:
        """Return every event so far."""
        with self._lock:
            return tuple(self._events)

    def kinds(self, key: Key) -> list[str]:
        """Return the kinds of a key's events so far."""
        with self._lock:
            return list(self._kinds.get(key, ()))

    def of(self, key: Key) -> list[Told]:
        """Return a key's events so far."""
        return [one for one in self.events if one.key == key]

    def ended(self) -> set[Key]:
        """Return the keys with a terminal event."""
        with self._lock:
            return set(self._ended)

    def _run(self) -> None:
        last: bytes | str = "0"
        while not self._closing.is_set():
            try:
                reply: Any = self._redis.xread({"txtproof:events": last}, count=1000, block=200)
            except redis.RedisError:
                self._closing.wait(PAUSE)
                continue
            for _, entries in reply or ():
                for last, fields in entries:  # noqa: B007  # where to read on
                    self._keep(Told.read(fields[b"event"]))

    def _keep(self, event: Told) -> None:
        with self._lock:
            self._events.append(event)
            self._kinds.setdefault(event.key, []).append(event.kind)
            if event.terminal:
                self._ended.add(event.key)
