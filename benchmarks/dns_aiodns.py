"""aiodns: c-ares, in C, in a thread of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiodns  # type: ignore[import-not-found]  # in an environment of its own
import pycares  # type: ignore[import-not-found]  # in an environment of its own

from benchmarks.dns_client import Ask
from benchmarks.dns_names import EXPECTED
from benchmarks.dns_task import PROOFS, WITHIN, Task


@asynccontextmanager
async def opened(task: Task) -> AsyncIterator[Ask]:
    """Make a resolver of all servers, and one over TCP of each."""
    servers = [f"{one}:{task.port}" for one in task.addresses]
    resolver = aiodns.DNSResolver(servers, timeout=WITHIN)
    each = [aiodns.DNSResolver([one], timeout=WITHIN, flags=pycares.ARES_FLAG_USEVC) for one in servers]

    async def ask(name: str) -> bool | None:
        found = await _has(resolver, name)
        return found if not found or task.kind != PROOFS else await everywhere(name)

    async def everywhere(name: str) -> bool | None:
        texts = asyncio.gather(*(_has(one, name) for one in each))
        serials = asyncio.gather(*(one.query_dns(name, "SOA") for one in each), return_exceptions=True)
        seen, _ = await asyncio.gather(texts, serials)
        return None if None in seen else all(seen)

    try:
        yield ask
    finally:
        for one in (resolver, *each):
            await one.close()


async def _has(resolver: aiodns.DNSResolver, name: str) -> bool | None:
    try:
        seen = await resolver.query_dns(name, "TXT")
    except aiodns.error.DNSError as failed:
        return False if failed.args[0] in (aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA) else None
    return EXPECTED.encode() in [one.data.data for one in seen.answer]
