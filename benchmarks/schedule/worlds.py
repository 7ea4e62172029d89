"""When a published record can be seen: classes of delay, drawn by a seed. Seconds, from the publication on."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from random import Random

ADDRESSES = 4
"""Of the zone's name servers: two servers, each with IPv4 and IPv6."""
WEEK = 7 * 86_400.0
"""How long anybody is watched: a verification's deadline."""
BATCH = 900.0
REFRESHES = (900.0, 1800.0, 3600.0, 7200.0)
"""SOA refresh of zones with a secondary that lags (RFC 1035, 3.3.13)."""
NEGATIVES = (300.0, 900.0, 3600.0)
"""SOA minimum of zones whose absence a resolver remembers (RFC 2308, 5)."""


@dataclass(frozen=True, slots=True)
class World:
    """One publication."""

    first: float
    """From when on the server that is asked first has the record."""
    everywhere: float
    """From when on all servers have it: what delays are counted from."""
    negative: float = 0.0
    """For how long a resolver goes on saying that there is none, once it was told so."""

    def asked(self, at: float) -> tuple[bool, int]:
        """Return whether a look finds it, and how many questions that takes, as in txtproof's own look.

        A miss at the first server is one. A match there has all addresses asked for the record and for the SOA.
        """
        if at < self.first:
            return False, 1
        return at >= self.everywhere, 1 + 2 * ADDRESSES


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one publication."""

    delay: float
    """Seconds from when all servers had the record until it was found; infinite where it never was."""
    questions: int


Publisher = Callable[[Random], World]
"""Draws one publication after the other."""


def at_once(_: Random) -> Publisher:
    """All servers have it when the provider says so."""
    return lambda _: World(0, 0)


def within_two_minutes(_: Random) -> Publisher:
    """5 to 120 s, any as likely as the other, anew each time."""
    return lambda chance: _whole(chance.uniform(5, 120))


def steady(chance: Random) -> Publisher:
    """5 to 120 s, drawn once for the provider; each time within 20 % of that."""
    usual = chance.uniform(5, 120)
    return lambda chance: _whole(usual * chance.uniform(0.8, 1.2))


def lagging(chance: Random) -> Publisher:
    """One server has it at once, the other at its next refresh; either may be the one that is asked first."""
    refresh = chance.choice(REFRESHES)

    def publication(chance: Random) -> World:
        everywhere = chance.uniform(0, refresh)
        return World(chance.choice((0.0, everywhere)), everywhere)

    return publication


def batches(_: Random) -> Publisher:
    """The provider publishes every quarter of an hour."""
    return lambda chance: _whole(chance.uniform(0, BATCH))


def cached_negatives(chance: Random) -> Publisher:
    """5 to 120 s; who asks a resolver before that is told so until the SOA minimum has passed."""
    negative = chance.choice(NEGATIVES)

    def publication(chance: Random) -> World:
        served = chance.uniform(5, 120)
        return World(served, served, negative)

    return publication


def never(_: Random) -> Publisher:
    """Nobody ever serves it."""
    return lambda _: World(inf, inf)


CLASSES: dict[str, Callable[[Random], Publisher]] = {
    "at once": at_once,
    "5 to 120 s": within_two_minutes,
    "steady provider": steady,
    "lagging secondary": lagging,
    "15-minute batches": batches,
    "cached negatives": cached_negatives,
    "never": never,
}


def _whole(served: float) -> World:
    return World(served, served)
