"""blastdns: Rust, with threads of its own; takes one name, or many together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blastdns import BlastDNSError, Client, ClientConfig, DNSError  # type: ignore[import-not-found]  # in an environment of its own

from benchmarks.dns_client import Ask, AskMany
from benchmarks.dns_names import EXPECTED
from benchmarks.dns_task import MISSES, WITHIN, Task

MOST_ON_ONE_SOCKET = 32
"""Questions to one server: with more it wants a socket for each."""


@asynccontextmanager
async def opened(task: Task) -> AsyncIterator[Ask]:
    """Make a client for one name at a time."""
    client = _client(task)

    async def ask(name: str) -> bool | None:
        try:
            return any(EXPECTED in one for one in await client.resolve(name, "TXT"))
        except BlastDNSError:
            return None

    yield ask


@asynccontextmanager
async def opened_for_many(task: Task) -> AsyncIterator[AskMany]:
    """Make a client for many names together."""
    client = _client(task)

    async def ask(names: list[str]) -> tuple[int, int]:
        if task.kind == MISSES:
            # what is absent is not told of; what failed is
            told = [isinstance(seen, DNSError) async for _, seen in client.resolve_batch_full(names, "TXT", True)]
            return told.count(False), told.count(True)
        found = [any(EXPECTED in one for one in texts) async for _, _, texts in client.resolve_batch(names, "TXT")]
        return found.count(True), 0

    yield ask


def _client(task: Task) -> Client:
    """Return one that holds nothing back."""
    each = -(-task.at_once // len(task.addresses))
    options = ClientConfig(
        max_inflight_per_resolver=each,
        max_concurrency=task.at_once,
        adaptive=False,
        persistent_socket=each <= MOST_ON_ONE_SOCKET,
        request_timeout_ms=round(WITHIN * 1000),
        cache_capacity=0,
    )
    return Client([f"{one}:{task.port}" for one in task.addresses], options)
