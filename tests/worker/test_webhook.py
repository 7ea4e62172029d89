"""A platform team's service writes what a real worker tells it, and takes it away in the end."""

import json
from pathlib import Path
from typing import Any

import redis
from starlette.responses import Response

from tests.publishers.receiver import PATH, SECRET, Receiver
from tests.waiting import wait_until
from txtproof.rehearsal.name_server import ZoneSpec
from txtproof.rehearsal.processes import Celery
from txtproof.rehearsal.world import SPF, SPF_TTL, World, zone_with_spf

DOMAIN = "platform.test"


class Platform(Receiver):
    """A receiver that has its zones served."""

    def __init__(self, world: World) -> None:
        super().__init__(DOMAIN)
        self._world = world
        self.zones.put(DOMAIN, SPF_TTL, SPF.strip('"').encode())

    async def _done(self, wish: Any) -> Response:
        answer = await super()._done(wish)
        held = self.zones.read(wish["name"])
        values = [json.dumps(value.decode()) for value in held.values] if held else []
        self._world.dns.put(DOMAIN, wish["name"], "TXT", held.ttl if held else 0, *values)
        return answer


def test_a_service_is_told_by_a_worker_what_to_write_and_what_to_take_away(redis_url: str, tmp_path: Path) -> None:
    zones: list[ZoneSpec] = [zone_with_spf(DOMAIN)]
    with (
        World(zones, redis_url=redis_url) as world,
        Platform(world).running() as platform,
        redis.Redis.from_url(redis_url) as client,
    ):
        publishers, log = tmp_path / "publishers.toml", tmp_path / "celery.log"
        publishers.write_text(
            f'[[publishers]]\nname = "platform"\nkind = "webhook"\nzones = ["{DOMAIN}"]\n'
            f'url = "{platform.url}"\nsecret = "env:WEBHOOK_SECRET"\nallow_private = true\n'
        )
        environ = world.settings | {
            "TXTPROOF_CONFIG_FILE": str(publishers),
            "WEBHOOK_SECRET": SECRET,
            "TXTPROOF_POLICY__RECORDS": "withdraw",
        }
        world.nexus.register(42, 7, DOMAIN)
        before = world.dns.snapshot(DOMAIN)

        def kinds() -> list[str]:
            entries: Any = client.xrange("txtproof:events")
            return [json.loads(fields[b"event"])["type"].split(".")[-2] for _, fields in entries]

        with Celery("worker", environ, log), Celery("beat", environ, log):
            client.xadd("txtproof:commands", {"event": b'{"organizationId": 42, "domainId": 7}'})
            wait_until(lambda: "record-removed" in kinds(), "the record's removal", 40)
        assert kinds() == ["accepted", "code-issued", "record-published", "verified", "record-removed"]
        assert [told.wish["action"] for told in platform.told] == ["present", "cleanup"]
        assert world.dns.snapshot(DOMAIN) == before
        for hidden in (platform.told[0].wish["value"], SECRET, SECRET.removeprefix("whsec_"), PATH):
            assert hidden not in log.read_text()
