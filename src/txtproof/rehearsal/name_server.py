"""Authoritative name servers on loopback that take TSIG-signed updates; any of them can be made to lag.

What the workers are shown is the zone as each server serves it; what they did is in `changes`, an account of its own.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import dns.name
import dns.tsig

from txtproof.rehearsal.authority import Authority, Trouble
from txtproof.rehearsal.listeners import Listeners, bound
from txtproof.rehearsal.zone_data import Change, ZoneData

__all__ = ["Change", "NameServers", "Trouble", "ZoneSpec"]


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """A zone to serve, and the neighbours that stand in it from the start: (name, type, TTL, values as text)."""

    origin: str
    neighbours: tuple[tuple[str, str, int, tuple[str, ...]], ...] = ()
    negative_ttl: int = 60


class NameServers:
    """Serve zones for as long as the `with` block lasts, from a thread of their own.

    The first address is the primary: updates are taken there. The others serve the same zones, at once, or later
    where `lag` or `hold` says so.
    """

    def __init__(
        self,
        zones: Sequence[ZoneSpec],
        tsig_name: str,
        tsig_secret: str,
        addresses: Sequence[str] = ("127.0.0.1", "127.0.0.2"),
        port: int = 0,
    ) -> None:
        self._specs = tuple(zones)
        self._wanted_port = port
        self.addresses = tuple(addresses)
        self.port = 0
        self._zones: dict[dns.name.Name, ZoneData] = {}
        key = dns.tsig.Key(tsig_name, tsig_secret, dns.tsig.HMAC_SHA256)
        self._authority = Authority(self._zones, key, self.addresses[0])
        self._listeners = Listeners(self._authority.answer)

    def __enter__(self) -> Self:
        try:
            self.port, sockets = bound(self.addresses, self._wanted_port)
        except OSError as fault:
            if fault.errno != errno.EADDRNOTAVAIL or "127.0.0.2" not in self.addresses:
                raise
            # macOS has 127.0.0.1 only
            self.addresses = tuple("::1" if one == "127.0.0.2" else one for one in self.addresses)
            self.port, sockets = bound(self.addresses, self._wanted_port)
        servers = {f"ns{place}": address for place, address in enumerate(self.addresses, 1)}
        for spec in self._specs:
            zone = ZoneData(spec.origin, servers, spec.negative_ttl)
            for name, kind, ttl, values in spec.neighbours:
                zone.put(name, kind, ttl, *values)
            self._zones[zone.origin] = zone
        self._listeners.open(sockets)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listeners.close()

    @property
    def resolver(self) -> str:
        """Return `address:port` of a server that can be asked where these zones are."""
        return f"{self.addresses[0]}:{self.port}"

    @property
    def changes(self) -> list[Change]:
        """Return what updates have changed, in order."""
        with self._authority.lock:
            return sorted((one for zone in self._zones.values() for one in zone.changes), key=lambda one: one.time)

    def put(self, zone: str, name: str, kind: str, ttl: int, *values: str) -> None:
        """Set a neighbour's record set, from its text form."""
        with self._authority.lock:
            self._zone(zone).put(name, kind, ttl, *values)

    def clear(self, zone: str, name: str) -> None:
        """Take away whatever stands at a name."""
        with self._authority.lock:
            self._zone(zone).clear(name)

    def snapshot(self, zone: str) -> list[tuple[str, str, int, str]]:
        """Return every record of a zone but the SOA."""
        with self._authority.lock:
            return self._zone(zone).snapshot()

    def lag(self, zone: str, address: str, seconds: float) -> None:
        """Have one address serve what the zone was that long ago."""
        with self._authority.lock:
            self._authority.lags[self._zone(zone).origin, address] = seconds

    def hold(self, zone: str, address: str) -> None:
        """Have one address go on serving what the zone is now."""
        with self._authority.lock:
            self._authority.held[self._zone(zone).origin, address] = self._zone(zone).now

    def trouble(self, zone: str, address: str, trouble: Trouble) -> None:
        """Have one address fail for a zone."""
        with self._authority.lock:
            self._authority.troubles[self._zone(zone).origin, address] = trouble

    def looks(self, name: str, address: str) -> int:
        """Return how often one address was asked over UDP for the TXT set of a name."""
        with self._authority.lock:
            return self._authority.looks[dns.name.from_text(name), address]

    def release(self, zone: str, address: str) -> None:
        """Have one address serve what the zone is, and as it should."""
        with self._authority.lock:
            self._authority.troubles.pop((self._zone(zone).origin, address), None)
            self._authority.held.pop((self._zone(zone).origin, address), None)
            self._authority.lags.pop((self._zone(zone).origin, address), None)

    def _zone(self, origin: str) -> ZoneData:
        return self._zones[dns.name.from_text(origin)]
