"""The arena: every real process of txtproof, the world around them, and what is kept to judge them by."""

import asyncio
import json
import random
import secrets
from base64 import b64encode
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import redis

from tests.faults.account import Account, Line, Request, Row
from tests.faults.doors import Door, QueueDoor, StreamDoor
from tests.faults.outbox import Outbox
from tests.faults.processes import Seat, Supervisor, speaking_from
from tests.faults.wire import Wire
from tests.waiting import wait_until
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_register import RedisRegister
from txtproof.core.model import Key
from txtproof.rehearsal.name_server import NameServers, ZoneSpec
from txtproof.rehearsal.nexus import Answer, NexusStandIn
from txtproof.rehearsal.processes import Celery
from txtproof.rehearsal.valkey import EmbeddedValkey

ORGANIZATION = 1
PER_ZONE = 25
"""Domains of one zone: the stand-in copies a zone at every update."""
SPF, SPF_TTL = '"v=spf1 include:_spf.mail.test -all"', 300
TSIG_NAME = "arena"
LEASE = timedelta(seconds=60)
ENDED_WITHIN = LEASE + timedelta(seconds=20)
"""How long after the last fault that met it a verification must have ended: a lease, a tick, a back-off, a busy CPU."""
WORK_QUEUE = "txtproof.work"
CLEANED_WITHIN = timedelta(seconds=75)
"""How long after its end: superseded values are removed once more a minute later."""
LIMITS = {"TXTPROOF_NEXUS__CALLS_PER_SECOND": "1000", "TXTPROOF_NEXUS__CALLS_IN_FLIGHT": "200"}
"""Out of the way: how fast the world may be called is no matter of faults."""
PUBLISHER_LIMITS = "calls_per_second = 1000\ncalls_in_flight = 200\n"


@dataclass(frozen=True, slots=True)
class Cohort:
    """The verifications that one fault is thrown at, in zones of their own."""

    fault: str
    requests: tuple[Request, ...]

    @property
    def keys(self) -> tuple[Key, ...]:
        """Return their keys."""
        return tuple(one.key for one in self.requests)

    @property
    def zones(self) -> tuple[str, ...]:
        """Return their zones."""
        return tuple(dict.fromkeys(one.zone for one in self.requests))


@dataclass(slots=True)
class Memory:
    """What the arena keeps for the judge."""

    requests: list[Request] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)
    before: list[Line] = field(default_factory=list)
    strikes: list[datetime] = field(default_factory=list)
    """When something was done that may hold up what has not ended."""
    rolled_back: set[Key] = field(default_factory=set)
    late_by: dict[Key, timedelta] = field(default_factory=dict)


class Arena:
    """Everything runs inside the `with` block; nothing is left behind."""

    def __init__(
        self,
        directory: Path,
        seed: int,
        broker_url: str | None = None,
        zones: int = 60,
        ended_within: timedelta = ENDED_WITHIN,
    ) -> None:
        self.directory = directory
        self.random = random.Random(seed)
        self.memory = Memory()
        self._broker_url = broker_url
        self._ended_within = ended_within
        self._free_zones = [f"z{place}.test" for place in range(zones)]
        self.tsig_secret = b64encode(secrets.token_bytes(32)).decode()
        self._next_id = 1
        self.nexus = NexusStandIn()
        self.dns = NameServers([ZoneSpec(zone) for zone in self._free_zones], TSIG_NAME, self.tsig_secret)
        # `everysec` puts off writing for up to two seconds where the disk is slow, and a killed server then loses them:
        # what is lost is a fault of its own, thrown on purpose
        self.valkey = EmbeddedValkey(fsync="no")
        self.wire = Wire(self.valkey.port)
        self.outbox = Outbox(self.valkey.url)
        self.door: Door = QueueDoor(broker_url) if broker_url else StreamDoor(self.valkey.url)
        self.supervisor = Supervisor()
        self.workers: list[Seat] = []
        self.beats: list[Seat] = []
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with self._closing as opening:
            # last to go: nobody must find the world gone and complain of it
            for part in (self.valkey, self.wire, self.nexus, self.dns):
                opening.enter_context(part)
            self.outbox.start()
            opening.callback(self.outbox.close)
            opening.callback(self.supervisor.close)
            self._write_publishers()
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    # Who works here

    def worker(self, name: str) -> Seat:
        """Start a worker that is followed by another when it ends."""
        return self._seat(self.workers, f"worker-{name}", "worker", {}, "--hostname", f"{name}@arena")

    def beat(self, name: str, environ: dict[str, str] | None = None) -> Seat:
        """Start a beat that is followed by another when it ends."""
        return self._seat(self.beats, f"beat-{name}", "beat", environ or {})

    def log(self, seat: Seat) -> str:
        """Return what a seat's processes have written so far."""
        path = self.directory / f"{seat.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def environ(self) -> dict[str, str]:
        """Return the settings of every process; Redis is reached over the wire."""
        credentials = self.nexus.credentials
        return {
            "TXTPROOF_REDIS__URL": f"redis://127.0.0.1:{self.wire.port}/0",
            "TXTPROOF_NEXUS__BASE_URL": self.nexus.url,
            "TXTPROOF_NEXUS__BEARER_TOKEN": credentials.token,
            "TXTPROOF_NEXUS__APPLICATION_TOKEN": credentials.application_token,
            "TXTPROOF_DNS__RESOLVERS": json.dumps([self.dns.resolver]),
            "TXTPROOF_DNS__AUTHORITATIVE_PORT": str(self.dns.port),
            "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS": "true",
            "TXTPROOF_WORKER__CONCURRENCY": "5",
            "TXTPROOF_CONFIG_FILE": str(self.directory / "publishers.toml"),
            "ARENA_SECRET": self.tsig_secret,
            **({"TXTPROOF_BROKER__URL": self._broker_url} if self._broker_url else {}),
            **LIMITS,
        }

    @property
    def broker_url(self) -> str:
        """Return where Celery's messages travel, past the wire."""
        return self._broker_url or self.valkey.url

    def callers(self, keys: Iterable[Key], *seats: Seat) -> list[int]:
        """Return the pool processes, of these seats or of all, that are calling Nexus for one of these keys."""
        ports = [port for key, ports in self.nexus.in_flight.items() if key in set(keys) for port in ports]
        children = [pid for seat in seats or self.workers for pid in seat.children]
        return speaking_from(children, ports, urlsplit(self.nexus.url).port or 0)

    # What is asked of them

    def cohort(
        self,
        fault: str,
        count: int,
        *,
        first_lifetimes: Sequence[timedelta] = (),
        answers: Iterable[Answer] = (),
    ) -> Cohort:
        """Make domains that nobody has asked for yet: each with an SPF record, known to Nexus."""
        requests: list[Request] = []
        scripted = tuple(answers)
        while len(requests) < count:
            zone = self._free_zones.pop(0)
            for _ in range(min(PER_ZONE, count - len(requests))):
                key = Key(ORGANIZATION, self._next_id)
                self._next_id += 1
                domain = f"d{key.domain_id}.{zone}"
                self.dns.put(zone, domain, "TXT", SPF_TTL, SPF)
                self.nexus.register(ORGANIZATION, key.domain_id, domain, first_lifetimes=first_lifetimes)
                self.nexus.script(ORGANIZATION, key.domain_id, *scripted)
                requests.append(Request(key, domain, zone, datetime.now(UTC), fault))
            self.memory.zones.append(zone)
            self.memory.before += self.dns.snapshot(zone)
        return Cohort(fault, tuple(requests))

    def request(self, requests: Iterable[Request]) -> None:
        """Ask for them, as other services do."""
        for one in requests:
            data = {"organizationId": one.key.organization_id, "domainId": one.key.domain_id, "domain": one.domain}
            self.door.send(json.dumps(data).encode())
            self.memory.requests.append(Request(one.key, one.domain, one.zone, datetime.now(UTC), one.fault))

    def command(self, kind: str, key: Key) -> None:
        """Send `resume` or `cancel`, as a CloudEvent."""
        data = {"organizationId": key.organization_id, "domainId": key.domain_id}
        event = {"specversion": "1.0", "type": f"com.txtproof.verification.{kind}.v1", "source": "/arena"}
        self.door.send(json.dumps({**event, "id": secrets.token_hex(8), "data": data}).encode())

    def strike(self) -> datetime:
        """Write down that something was done just now that may hold up whatever has not ended."""
        now = datetime.now(UTC)
        self.memory.strikes.append(now)
        return now

    # How they did

    def has_ended(self, keys: Iterable[Key]) -> bool:
        """Say whether all of these have a terminal event."""
        return set(keys) <= self.outbox.ended()

    def wait_until_ended(self, keys: Iterable[Key], seconds: float) -> None:
        """Wait until all of these have a terminal event. Raises AssertionError."""
        wanted = set(keys)
        wait_until(lambda: self.has_ended(wanted), "the end of a cohort", seconds)

    def settle(self) -> None:
        """Wait until nothing is left to do, as long as that may take; the judge says what was too late."""
        asked = {one.key for one in self.memory.requests}
        with suppress(AssertionError):
            self.wait_until_ended(asked, self._ended_within.total_seconds() + 10)
        with suppress(AssertionError):
            wait_until(self._is_cleaned_up, "the clean-up", CLEANED_WITHIN.total_seconds() + 15)

    def _is_cleaned_up(self) -> bool:
        return all(row.cleaned_up for row in self.rows().values() if row.state.terminal)

    def rows(self) -> dict[Key, Row]:
        """Return what the store says now."""

        async def read() -> dict[Key, Row]:
            async with open_redis(self.valkey.url) as client:
                return {v.key: Row.of(v) async for v in RedisRegister(client).list()}

        return asyncio.run(read())

    def account(self) -> Account:
        """Return everything that there is to judge by, as it is now."""
        return Account(
            requests=tuple(self.memory.requests),
            rows=self.rows(),
            events=self.outbox.events,
            issued={key: tuple(one.code for one in codes) for key, codes in self.nexus.issued.items()},
            overlapping=self.nexus.overlapping,
            unexpected=self.nexus.unexpected,
            written=tuple((one.name, one.value) for one in self.dns.changes),
            before=tuple(self.memory.before),
            after=tuple(line for zone in self.memory.zones for line in self.dns.snapshot(zone)),
            late_after=self._limits(),
            rolled_back=frozenset(self.memory.rolled_back),
        )

    def _limits(self) -> dict[Key, datetime]:
        ends = {one.key: one.time for one in self.outbox.events if one.terminal}
        limits: dict[Key, datetime] = {}
        for request in self.memory.requests:
            end = ends.get(request.key, request.sent)
            held_up = [strike for strike in self.memory.strikes if strike <= end]
            limits[request.key] = max([request.sent, *held_up[-1:]]) + self._ended_within
        return limits

    def _seat(self, row: list[Seat], name: str, what: str, extra: dict[str, str], *options: str) -> Seat:
        log = self.directory / f"{name}.log"
        seat = Seat(name, lambda: Celery(what, {**self.environ, **extra}, log, *options))
        row.append(self.supervisor.watch(seat))
        return seat

    def _write_publishers(self) -> None:
        (self.directory / "publishers.toml").write_text(
            f'[[publishers]]\nname = "arena"\nkind = "rfc2136"\nzones = {json.dumps(self._free_zones)}\n'
            f'server = "{self.dns.resolver}"\ntsig_name = "{TSIG_NAME}"\ntsig_secret = "env:ARENA_SECRET"\n'
            + PUBLISHER_LIMITS
        )

    def redis(self) -> redis.Redis:
        """Return a client of the server itself, past the wire; the caller closes it."""
        return redis.Redis.from_url(self.valkey.url)
