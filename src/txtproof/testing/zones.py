"""DNS zones in memory: TXT sets with their TTL, for publishers and lookups that need no server."""

from collections.abc import Iterable
from dataclasses import dataclass

from txtproof.core.names import canonical, is_below, longest_suffix


@dataclass(frozen=True, slots=True)
class TxtSet:
    """What stands at a name: a TTL belongs to the whole set (RFC 2181, 5.2)."""

    ttl: int
    """Seconds."""
    values: tuple[bytes, ...]


class MemoryZones:
    """Hold the TXT sets of some zones. Names are compared without case, values as bytes."""

    def __init__(self, *origins: str) -> None:
        self.origins = tuple(map(canonical, origins))
        self._sets: dict[str, TxtSet] = {}

    def put(self, name: str, ttl: int, *values: bytes) -> None:
        """Set what stands at a name, whatever stood there; no values: nothing stands there."""
        if values:
            self._sets[canonical(name)] = TxtSet(ttl, tuple(dict.fromkeys(values)))
        else:
            self._sets.pop(canonical(name), None)

    def read(self, name: str) -> TxtSet | None:
        """Return the set at a name; None where there is none."""
        return self._sets.get(canonical(name))

    def holder(self, name: str) -> str | None:
        """Return the zone that a name lies in; None where it lies in none."""
        return longest_suffix(name, self.origins)

    def snapshot(self, zone: str) -> list[tuple[str, int, bytes]]:
        """Return all that stands in a zone, as (name, TTL, value), in order."""
        return sorted(_lines(self._sets.items(), zone))


def _lines(sets: Iterable[tuple[str, TxtSet]], zone: str) -> Iterable[tuple[str, int, bytes]]:
    return ((name, held.ttl, value) for name, held in sets if is_below(name, zone) for value in held.values)
