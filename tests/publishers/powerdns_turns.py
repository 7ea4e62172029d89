"""An owner of a PowerDNS who takes turns with us."""

import redis
from redis.lock import Lock

from tests.publishers.crowd import TTL
from tests.publishers.powerdns_api import RunningPowerDns, text
from txtproof.adapters.redis_keys import PREFIX, Keys


class TakingTurns:
    """An owner who takes turns with us: 4.7 has nothing that keeps two writers of one set apart."""

    def __init__(self, powerdns: RunningPowerDns, redis_url: str) -> None:
        self._powerdns = powerdns
        self._redis = redis.Redis.from_url(redis_url)

    def add(self, name: str, value: bytes) -> None:
        with self._turn(name):
            self._powerdns.insert(name, "TXT", TTL, text(value))

    def remove(self, name: str, value: bytes) -> None:
        with self._turn(name):
            self._powerdns.delete(name, "TXT", text(value))

    def close(self) -> None:
        self._redis.close()

    def _turn(self, name: str) -> Lock:
        # it looks more often than fifty others, or it would hardly ever get its turn
        return Lock(self._redis, Keys(PREFIX).lock(f"crowd:{self._powerdns.zone}:{name}"), timeout=30, sleep=0.0005)
