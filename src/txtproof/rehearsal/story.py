"""The story that `make run` tells: four domains, real processes, and the proof that no neighbour was touched."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import redis
from rich.console import Console

from txtproof.core.reasons import EXPLANATIONS, Reason
from txtproof.rehearsal.narration import event_line, kind_of
from txtproof.rehearsal.world import SPF_TTL, World, zone_with_spf

ENDS_WITHIN = 25.0
"""Seconds for the whole story after set-up."""
ORGANIZATION = 42
SHORT_LIFE = timedelta(seconds=4)
LAG = 3.0
"""Seconds by which the second name server of one domain is behind."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one domain is there to show, and how its part ends."""

    domain_id: int
    domain: str
    plot: str
    ends: str


CAST = (
    Part(1, "bakery.test", "is verified straight away", "verified"),
    Part(2, "clinic.test", "has a code that expires before all its name servers serve it", "verified"),
    Part(3, "harbour.test", "has a second name server that lags behind", "verified"),
    Part(4, "orchard.test", "lies in a zone that no publisher writes", "blocked"),
)
SCENE = "A Valkey, a Nexus API and two name servers run on loopback; a worker and a beat start."
EXPIRING, LAGGING, UNROUTED = CAST[1].domain, CAST[2].domain, CAST[3].domain


class StoryFailed(Exception):
    """The story did not end as it should; the message says what went wrong."""


@dataclass(slots=True)
class Told:
    """What has been seen of each domain so far: its events' kinds, in order, and the reasons among them."""

    kinds: dict[str, list[str]] = field(default_factory=lambda: {part.domain: [] for part in CAST})
    reasons: dict[str, list[str]] = field(default_factory=lambda: {part.domain: [] for part in CAST})

    def hear(self, domain: str, kind: str, reason: str | None) -> None:
        """Take note of an event."""
        self.kinds[domain].append(kind)
        if reason:
            self.reasons[domain].append(reason)

    def ended(self) -> bool:
        """Say whether every part has come to its end."""
        return all(part.ends in self.kinds[part.domain] for part in CAST)


def tell(console: Console) -> None:
    """Run the world and tell what happens in it. Raises StoryFailed."""
    routed = [part.domain for part in CAST if part.domain != UNROUTED]
    zones = [zone_with_spf(part.domain) for part in CAST]
    with World(zones, routed) as world, ExitStack() as processes:
        set_the_scene(world)
        before = {part.domain: world.dns.snapshot(part.domain) for part in CAST}
        console.print(SCENE, soft_wrap=True)
        for part in CAST:
            console.print(f"  {part.domain:<14} {part.plot}", style="dim", highlight=False)
        worker = processes.enter_context(world.worker())
        beat = processes.enter_context(world.beat())
        console.print("Four commands go to the stream txtproof:commands.\n")
        told = _follow(world, console, lambda: [one.poll() for one in (worker, beat)])
        _check(told, world, before)
        _conclude(console, world, told)
        for process in (beat, worker):
            process.terminate()


def set_the_scene(world: World) -> None:
    """Register the cast, have two servers lag, and send the commands."""
    for part in CAST:
        lives = [SHORT_LIFE] if part.domain == EXPIRING else []
        world.nexus.register(ORGANIZATION, part.domain_id, part.domain, first_lifetimes=lives)
    second = world.dns.addresses[1]
    world.dns.hold(EXPIRING, second)
    world.dns.lag(LAGGING, second, LAG)
    with redis.Redis.from_url(world.redis_url) as client:
        for part in CAST:
            command = {"organizationId": ORGANIZATION, "domainId": part.domain_id, "domain": part.domain}
            client.xadd("txtproof:commands", {"event": json.dumps(command)})


def _follow(world: World, console: Console, exits: Callable[[], list[int | None]]) -> Told:
    told = Told()
    for event in _events(world, exits, told.ended):
        data = event["data"]
        domain = data["domain"]
        kind = kind_of(event)
        told.hear(domain, kind, data.get("reason"))
        console.print(event_line(event), highlight=False, soft_wrap=True)
        if domain == EXPIRING and kind == "code-issued" and data["generation"] == 2:
            world.dns.release(EXPIRING, world.dns.addresses[1])
    return told


def _events(world: World, exits: Callable[[], list[int | None]], ended: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    deadline = time.monotonic() + ENDS_WITHIN
    last: bytes | str = "0"
    with redis.Redis.from_url(world.redis_url) as client:
        while not ended():
            if any(code is not None for code in exits()):
                raise StoryFailed(f"a process has ended:\n{_tail(world)}")
            if time.monotonic() > deadline:
                raise StoryFailed(f"it took longer than {ENDS_WITHIN:.0f} s:\n{_tail(world)}")
            reply: Any = client.xread({"txtproof:events": last}, block=200)
            for _, entries in reply or ():
                for last, fields in entries:  # noqa: B007  # where to read on
                    yield json.loads(fields[b"event"])


def _check(told: Told, world: World, before: dict[str, list[tuple[str, str, int, str]]]) -> None:
    """Hold what happened against what should have; the servers' own account of the changes is the judge."""
    if told.kinds[EXPIRING].count("code-issued") < 2:
        raise StoryFailed(f"the code of {EXPIRING} was not renewed")
    if Reason.STALE_SERVER not in told.reasons[LAGGING]:
        raise StoryFailed(f"the lagging server of {LAGGING} was not noticed")
    if Reason.NO_ROUTE not in told.reasons[UNROUTED]:
        raise StoryFailed(f"{UNROUTED} was not blocked for want of a route")
    if world.nexus.overlaps or world.nexus.unexpected:
        raise StoryFailed("Nexus was called twice at a time, or for a domain that nobody asked for")
    codes = {code.code.encode() for issued in world.nexus.issued.values() for code in issued}
    if {change.value for change in world.dns.changes} - codes:
        raise StoryFailed("a record was changed that is not ours")
    for part in CAST:
        after = world.dns.snapshot(part.domain)
        ours = [line for line in after if line[3].strip('"').encode() in codes]
        if sorted(line for line in after if line not in ours) != sorted(before[part.domain]):
            raise StoryFailed(f"a neighbour's record of {part.domain} has changed: {before[part.domain]} -> {after}")
        if len(ours) != (part.ends == "verified"):
            raise StoryFailed(f"{part.domain} has {len(ours)} records of ours")


def _conclude(console: Console, world: World, told: Told) -> None:
    console.print()
    blocked = EXPLANATIONS[Reason(told.reasons[UNROUTED][-1])]
    console.print(f"{UNROUTED} waits for a person: {blocked.advice}", highlight=False, soft_wrap=True)
    console.print(
        f"{len(world.dns.changes)} records were added or deleted, each of them a code of ours. "
        f"The SPF records of all {len(CAST)} domains, and their TTL of {SPF_TTL} s, are what they were.",
        highlight=False,
        soft_wrap=True,
    )


def _tail(world: World) -> str:
    lines = [line for log in sorted(world.directory.glob("*.log")) for line in log.read_text().splitlines()[-20:]]
    return "\n".join(lines)
