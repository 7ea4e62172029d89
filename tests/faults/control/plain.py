"""The arena with a plain Celery app in it: the same broker, the same world, the same faults, the same judge."""

import json
import time
from pathlib import Path
from typing import Any

import celery

from tests.faults.account import Row
from tests.faults.arena import Arena
from tests.faults.processes import Seat
from txtproof.core.model import Key, State
from txtproof.rehearsal.processes import Celery

VISIBILITY = 15
"""Seconds after which Celery hands out a task again that nobody has acknowledged: short, in its favour."""
LONG_ENOUGH = 2 * VISIBILITY
"""Seconds for whatever Celery hands out again."""
APP = "tests.faults.control.app"


class PlainArena(Arena):
    """Workers of tests/faults/control/app.py, and requests as tasks of it."""

    def __init__(self, directory: Path, seed: int) -> None:
        super().__init__(directory, seed, zones=20)
        self.door = _TaskDoor(self)

    def worker(self, name: str) -> Seat:
        """Start a worker that is followed by another when it ends."""
        log = self.directory / f"plain-{name}.log"
        environ = {**self.environ, "CONTROL_BROKER": self.valkey.url, "CONTROL_VISIBILITY": str(VISIBILITY)}
        options = ("--hostname", f"{name}@plain", "--concurrency", "5", "--loglevel", "info")
        seat = Seat(f"plain-{name}", lambda: Celery("worker", environ, log, *options, app=APP))
        self.workers.append(self.supervisor.watch(seat))
        return seat

    def settle(self) -> None:
        """Give it the time that Celery needs to hand out again what was not acknowledged."""
        deadline = time.monotonic() + LONG_ENOUGH
        while time.monotonic() < deadline and not self.has_ended(one.key for one in self.memory.requests):
            time.sleep(0.2)

    def rows(self) -> dict[Key, Row]:
        """Return what it has told: it keeps nothing else."""
        ends = {one.key: one for one in self.outbox.events}
        return {key: Row(one.verification_id, State.VERIFIED, True, 1) for key, one in ends.items()}

    def known_to_the_broker(self, key: Key) -> bool:
        """Say whether any message about this key is left, waiting or handed out."""
        named = f"'domain_id': {key.domain_id},".encode()
        with self.redis() as client:
            waiting: list[Any] = [*client.lrange("control", 0, -1), *client.hvals("unacked")]
        return any(named in one for one in waiting)


class _TaskDoor:
    def __init__(self, arena: PlainArena) -> None:
        self._arena = arena

    def send(self, body: bytes) -> None:
        data = json.loads(body)
        zone = data["domain"].partition(".")[2]
        arguments = {"domain_id": data["domainId"], "domain": data["domain"], "zone": zone}
        with celery.Celery(broker=self._arena.valkey.url, set_as_current=False) as producer:
            producer.send_task("control.verify", kwargs=arguments, queue="control")
