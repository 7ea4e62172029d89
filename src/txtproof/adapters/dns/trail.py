"""How far a look has come: the places where it asked, and what led from one to the next."""

from dataclasses import dataclass, field

import dns.name

from txtproof.adapters.dns.asking import Heard, Said
from txtproof.adapters.dns.datagrams import Waiting
from txtproof.adapters.dns.verdict import Answer
from txtproof.adapters.dns.walk import Server, Zone
from txtproof.core.decisions import Look
from txtproof.core.values import Value


class Place(Value, frozen=True):
    """A name, and the zone whose servers are asked for it."""

    zone: Zone
    name: dns.name.Name


class Glance(Value, frozen=True):
    """A question for the record, sent to one server of the domain's zone."""

    zone: Zone
    server: Server
    begun: Waiting[Said]
    usual: bool
    """It is the one that answered last."""


class Alias(Value, frozen=True):
    """A place that leads on to another name."""

    place: Place
    target: dns.name.Name


class End(Value, frozen=True):
    """The place where the record must stand, and what was heard there: failures, and last what tells, if anything."""

    place: Place
    heard: tuple[Heard, ...]

    @property
    def last(self) -> Heard:
        """Return what counts."""
        return self.heard[-1]


@dataclass(slots=True)
class Trail:
    """One look under way."""

    look: Look
    glance: Glance | None = None
    """A first question for the record that is under way; None once it has been waited for."""
    home: Zone | None = None
    """The domain's zone, once it is known."""
    passed: list[Alias] = field(default_factory=list)
    said: list[Answer] = field(default_factory=list)
    """By the servers that led on."""
    referred: bool = False
    """A zone was found by a referral."""
    over_tcp: bool = False
    """Ask over TCP alone: the way itself is confirmed."""

    def visited(self, name: dns.name.Name) -> bool:
        """Say whether an alias at that name was followed."""
        return any(name == one.place.name for one in self.passed)
