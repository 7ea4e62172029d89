"""The connection to Redis or Valkey: how it is opened, named and lost."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from txtproof.ports import StoreUnavailable

SCHEMES = ("redis", "rediss")
SLICE = 500
"""Keys or entries read in one go where all are gone through."""
CONNECTIONS = 32
"""Per process; redis-py 8 pools fail above 100 (durability)."""
ANSWER_WITHIN = 5.0
"""Seconds for one answer; longer than the longest time that a read waits for messages."""


def check_redis_url(url: str) -> None:
    """Raise ValueError that says what to write, and shows nothing of the URL: it may hold a password."""
    check_server_url(url, *SCHEMES)


def check_server_url(url: str, *schemes: str) -> None:
    """Do the same for a URL that may have other schemes, as a broker's."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"cannot be read: write {schemes[0]}://HOST:PORT, a password percent-encoded") from None
    if parts.scheme not in schemes or not host:
        raise ValueError(f"write an address that begins with {' or '.join(f'{one}://HOST' for one in schemes)}")
    if parts.scheme in SCHEMES and not re.fullmatch("/?[0-9]*", parts.path):
        raise ValueError("ends in no number of a database: write redis://HOST:6379/0")


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Redis]:
    """Open a pool for as long as the block lasts; it connects when it is first used.

    A lost reply is asked for once more by the pool itself: all scripts bear being sent twice.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=ANSWER_WITHIN,
        socket_timeout=ANSWER_WITHIN,
        socket_connect_timeout=ANSWER_WITHIN,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 1),
    )
    redis = Redis(connection_pool=pool)
    try:
        yield redis
    finally:
        await redis.aclose()
        await pool.aclose()


def describe(url: str) -> str:
    """Name the server of a URL, without its credentials."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}{parts.path}"


@contextmanager
def speaking(redis: Redis) -> Iterator[None]:
    """End the library's exceptions here: StoreUnavailable says which server, and why."""
    try:
        yield
    except (RedisError, OSError) as fault:
        known = redis.connection_pool.connection_kwargs
        where = f"{known.get('host', 'localhost')}:{known.get('port', 6379)}"
        raise StoreUnavailable(f"Redis at {where}: {_cause(fault)}") from None


async def slices(redis: Redis, pattern: str) -> AsyncIterator[list[bytes]]:
    """Go through the keys that match; SCAN may bring one twice."""
    cursor = 0
    while True:
        cursor, keys = await redis.scan(cursor, match=pattern, count=SLICE)
        if keys:
            yield cast("list[bytes]", keys)
        if not cursor:
            return


def _cause(fault: Exception) -> str:
    # the first line and no more: an error of a script quotes what it was called with
    return f"{type(fault).__name__}: {str(fault).partition(chr(10))[0][:120].removesuffix('.')}"
