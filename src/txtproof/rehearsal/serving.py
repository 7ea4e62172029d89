"""The world as a service of its own, on fixed ports: what docker-compose.yml's profile `rehearsal` runs.

Workers find it by config/rehearsal.env and config/rehearsal.toml; their Redis is the compose file's.
"""

import json
import threading
from typing import Any

import redis
from rich.console import Console

from txtproof.rehearsal.narration import event_line, kind_of
from txtproof.rehearsal.story import CAST, EXPIRING, UNROUTED, set_the_scene
from txtproof.rehearsal.world import World, zone_with_spf

NEXUS_PORT = 18080
DNS_PORT = 15353


def serve(console: Console, redis_url: str, tsig_secret: str, stopped: threading.Event) -> None:
    """Serve until stopped; send the story's commands, and show what workers make of them."""
    zones = [zone_with_spf(part.domain) for part in CAST]
    routed = [part.domain for part in CAST if part.domain != UNROUTED]
    ports = {"nexus_port": NEXUS_PORT, "dns_port": DNS_PORT}
    with World(zones, routed, redis_url=redis_url, tsig_secret=tsig_secret, **ports) as world:
        console.print(
            f"Nexus at {world.nexus.url}, name servers at port {DNS_PORT} of {', '.join(world.dns.addresses)}"
        )
        last: bytes | str = "$"
        with redis.Redis.from_url(redis_url) as client:
            newest: Any = client.xrevrange("txtproof:events", count=1)
            last = newest[0][0] if newest else "0"
            set_the_scene(world)
            while not stopped.is_set():
                reply: Any = client.xread({"txtproof:events": last}, block=500)
                for _, entries in reply or ():
                    for last, fields in entries:  # noqa: B007  # where to read on
                        _show(console, world, json.loads(fields[b"event"]))


def _show(console: Console, world: World, event: dict[str, Any]) -> None:
    console.print(event_line(event), highlight=False, soft_wrap=True)
    data = event["data"]
    if data["domain"] == EXPIRING and kind_of(event) == "code-issued" and data["generation"] > 1:
        world.dns.release(EXPIRING, world.dns.addresses[1])
