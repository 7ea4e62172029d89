"""What a scenario is, and how a look is made in it."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from tests.adapters.dns.scripted import Script
from tests.adapters.dns.world import DOMAIN, world
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.core.decisions import Look
from txtproof.core.evidence import ServerView
from txtproof.core.observations import Sight
from txtproof.core.reasons import Reason

See = Callable[[pytest.FixtureRequest, Look], Awaitable[Sight]]


class Next(Enum):
    """What the next look waits for."""

    CURVE = "looks that missed so far: 8"
    MEMORY = "a resolver is asked again when what it remembers ends, after 15 min at the latest"
    BACK_OFF = "looks in a row that saw nothing: 1"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way in which a reason comes about; what is expected."""

    reason: Reason
    where: str
    """Which servers, or which way."""
    domain: str
    """Its record is at `_verify.` below."""
    see: See
    says: str
    """What the sentence has, for a person."""
    servers: tuple[str, ...]
    """The evidence, as `shown` writes it."""
    next: Next = Next.CURVE
    seen: Reason | None = None
    """What the look itself says, where the machine has a better word."""
    fresh: bool = False
    """True: the provider has only just taken the record."""

    def __str__(self) -> str:
        return f"{self.reason}-{self.where}"


def shown(view: ServerView) -> str:
    """Write what is expected of a server in short; one without a name is a resolver."""
    name = "resolver" if view.server == view.address else view.server
    return " ".join(filter(None, (name, view.outcome, view.rcode, "AA" if view.authoritative else "")))


def really(*servers: str, view: str = "", resolver: str = "", private: bool = True) -> See:
    """Look at real servers, found by Unbound or at `resolver`; `view`: by which way Unbound is to see it as well."""

    async def see(request: pytest.FixtureRequest, look: Look) -> Sight:
        for server in servers:
            request.getfixturevalue(f"real_{server}")
        unbound = request.getfixturevalue("real_unbound")
        # as on a machine whose operator has installed it
        request.getfixturevalue("monkeypatch").setenv("SSL_CERT_FILE", str(unbound.authority))
        options = LookOptions(
            resolvers=(resolver or unbound.udp,),
            authoritative_port=unbound.port,
            allow_private_servers=private,
            views=(getattr(unbound, view),) if view else (),
        )
        async with aclosing(AuthoritativeLookup(options)) as lookup:
            return await lookup.look(look)

    return see


def scripted(first: Callable[[], Script], second: Callable[[], Script], **options: Any) -> See:
    """Look at two scripted servers of `DOMAIN`."""

    async def see(request: pytest.FixtureRequest, look: Look) -> Sight:
        assert look.domain == DOMAIN
        async with world({"127.0.0.1": first(), "127.0.0.2": second()}, **options) as w:
            return await w.look(look)

    return see
