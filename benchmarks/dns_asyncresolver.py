"""`dns.asyncresolver`: goes to the next server by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.asyncresolver
import dns.resolver

from benchmarks.dns_client import Ask
from benchmarks.dns_names import EXPECTED
from benchmarks.dns_task import LIFETIME, PROOFS, WITHIN, Task


@asynccontextmanager
async def opened(task: Task) -> AsyncIterator[Ask]:
    """Make a resolver of all servers, and one of each."""
    resolver = resolver_of(task, *task.addresses)
    each = [resolver_of(task, one) for one in task.addresses]

    async def ask(name: str) -> bool | None:
        found = await _has(resolver, name)
        return found if not found or task.kind != PROOFS else await everywhere(name)

    async def everywhere(name: str) -> bool | None:
        texts = asyncio.gather(*(_has(one, name, tcp=True) for one in each))
        serials = asyncio.gather(
            *(one.resolve(f"{name}.", "SOA", tcp=True, raise_on_no_answer=False) for one in each),
            return_exceptions=True,
        )
        seen, _ = await asyncio.gather(texts, serials)
        return None if None in seen else all(seen)

    yield ask


def resolver_of(task: Task, *addresses: str) -> dns.asyncresolver.Resolver:
    """Return a resolver that asks these servers."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [*addresses]
    resolver.port = task.port
    resolver.timeout, resolver.lifetime = WITHIN, LIFETIME
    return resolver


async def _has(resolver: dns.asyncresolver.Resolver, name: str, *, tcp: bool = False) -> bool | None:
    try:
        answer = await resolver.resolve(f"{name}.", "TXT", tcp=tcp)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return False
    except (dns.resolver.LifetimeTimeout, dns.resolver.NoNameservers):
        return None
    return EXPECTED.encode() in [b"".join(one.strings) for one in answer]
