"""How others look again, by what they publish; sources and assumptions are told with each."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, count, takewhile
from math import floor, inf

from benchmarks.schedule.worlds import WEEK, Found, World


@dataclass(frozen=True, slots=True)
class Rival:
    """A schedule that does not depend on what is seen."""

    name: str
    looks: tuple[float, ...]
    """When, in seconds after the publication; after the last it has given up."""
    about: str
    resolver: bool = False
    """True where it asks a resolver, and not the zone's own servers."""

    def watch(self, world: World) -> Found:
        """Look until it is found, or given up."""
        questions, silenced = 0, -inf
        for at in self.looks:
            if self.resolver and at < silenced:
                questions += 1
                continue
            found, asked = world.asked(at)
            questions += asked
            if found:
                return Found(at - world.everywhere, questions)
            silenced = at + world.negative
        return Found(inf, questions)


def cloudflare() -> Iterator[int]:
    """Yield the pauses of Cloudflare for SaaS: 75 of them."""
    return (min(floor(60 * (1.05 if attempt < 10 else 1.15) ** attempt), 14_400) for attempt in range(75))


def every(pause: float, first: float = 0.0, until: float = WEEK) -> tuple[float, ...]:
    """Return looks at even pauses."""
    return tuple(takewhile(lambda at: at <= until, count(first, pause)))


def _after(pauses: Iterator[int]) -> tuple[float, ...]:
    return tuple(takewhile(lambda at: at <= WEEK, accumulate(pauses, initial=0.0)))


RIVALS = (
    Rival(
        "lego",
        every(2, 2, 60),
        "go-acme/lego, challenge/dns01: a propagation timeout of 60 s and a polling interval of 2 s, unless a provider "
        "sets others; it sleeps one interval before its first look.",
    ),
    Rival(
        "cert-manager",
        every(10),
        "cert-manager's flag `--dns01-check-retry-period`, 10 s. It has no timeout of its own; an ACME authorization "
        "ends it, after a week here.",
    ),
    Rival(
        "certbot, 10 s",
        (10.0,),
        "certbot's DNS plugins: `propagation-seconds`, 10 by default in `plugins/dns_common.py`; one sleep, then the "
        "authority looks once.",
    ),
    Rival(
        "certbot, 60 s",
        (60.0,),
        "The same, with the 60 s that its plugins for RFC 2136 and Google have as their default.",
    ),
    Rival(
        "WorkOS-like",
        every(300),
        "WorkOS documents that it looks periodically, and fails a domain after 30 days; it names no interval. "
        "Assumed: at once, then every 5 minutes, through a resolver.",
        resolver=True,
    ),
    Rival(
        "Cloudflare for SaaS",
        _after(cloudflare()),
        "Its documented back-off for custom hostnames: after attempt n a pause of 60 x 1.05^n s, from the eleventh on "
        "60 x 1.15^n s, whole seconds, 4 hours at the most, 75 retries. Assumed: the first attempt at once, through a "
        "resolver.",
        resolver=True,
    ),
)
