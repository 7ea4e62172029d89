"""A world of scripted name servers, and a lookup that knows only its resolver."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from tests.adapters.dns.scripted import Records, Script, Server, authoritative, resolving, serving
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.core.decisions import Look
from txtproof.core.observations import Miss, Sight, Unseen
from txtproof.core.reasons import Reason

CODE, OLD = b"the-code-of-now", b"the-code-before"
DOMAIN, NAME = "example.test", "_verify.example.test"
LOOK = Look(DOMAIN, NAME, CODE, ((1, OLD),))

FIRST, SECOND, THIRD, RESOLVER, SPARE = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.8", "127.0.0.9"
PUBLIC: Records = {
    (DOMAIN, "NS"): ["ns1.example.test.", "ns2.example.test."],
    ("ns1.example.test", "A"): [FIRST],
    ("ns2.example.test", "A"): [SECOND],
    ("provider.test", "NS"): ["ns.provider.test."],
    ("ns.provider.test", "A"): [THIRD],
}
"""What the resolver knows."""


def zone(*values: bytes, serial: int = 1, **more: Sequence[str]) -> Script:
    """A server of example.test with these values at the record's name; `more`: CNAME and the like there."""
    records = {(NAME, kind): texts for kind, texts in more.items()}
    if values:
        records[NAME, "TXT"] = [f'"{value.decode()}"' for value in values]
    return authoritative(records, serial=serial)


@dataclass(slots=True)
class World:
    """Servers and a lookup that knows only the resolver."""

    lookup: AuthoritativeLookup
    servers: dict[str, Server]
    resolver: Server
    looks: list[Sight] = field(default_factory=list)

    async def look(self, look: Look = LOOK) -> Sight:
        return await self.lookup.look(look)

    def asked(self, address: str, kind: str = "TXT") -> list[str]:
        return self.servers[address].questions(kind)


@asynccontextmanager
async def world(
    servers: Mapping[str, Script], public: Records | Script = PUBLIC, *, seconds: float = 10, **options: object
) -> AsyncIterator[World]:
    resolver = public if callable(public) else resolving(public)
    async with serving(servers) as served, serving({RESOLVER: resolver}) as resolvers:
        port = next(iter(served.values())).port
        given = LookOptions(
            resolvers=(f"{RESOLVER}:{resolvers[RESOLVER].port}",),
            authoritative_port=port,
            allow_private_servers=bool(options.get("private", True)),
            call_timeout=timedelta(seconds=seconds),
        )
        async with aclosing(AuthoritativeLookup(given)) as lookup:
            yield World(lookup, served, resolvers[RESOLVER])


def missed(sight: Sight, reason: Reason) -> Miss:
    assert isinstance(sight, Miss), sight
    assert sight.reason is reason
    return sight


def unseen(sight: Sight, reason: Reason) -> Unseen:
    assert isinstance(sight, Unseen), sight
    assert sight.reason is reason
    return sight
