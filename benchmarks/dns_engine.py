"""The engine: looks at names whose zone is known, as in a later look."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.dns_client import Ask
from benchmarks.dns_names import EXPECTED, ZONE
from benchmarks.dns_task import Task
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.core.decisions import Look
from txtproof.core.observations import Match, Miss


@asynccontextmanager
async def opened(task: Task) -> AsyncIterator[Ask]:
    """Open it; the last of the servers is its resolver too, which it asks for the zone and no more."""
    resolver = f"{task.addresses[-1]}:{task.port}"
    engine = AuthoritativeLookup(
        LookOptions(resolvers=(resolver,), authoritative_port=task.port, allow_private_servers=True)
    )
    expected = EXPECTED.encode()

    async def ask(name: str) -> bool | None:
        sight = await engine.look(Look(name, name, expected, zone=ZONE))
        return True if isinstance(sight, Match) else False if isinstance(sight, Miss) else None

    try:
        yield ask
    finally:
        await engine.aclose()
