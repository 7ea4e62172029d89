"""Fixtures that every test may ask for."""

from tests.embedded import redis_url, valkey
from tests.real_servers import bind, knot

__all__ = ["bind", "knot", "redis_url", "valkey"]
