"""TXT sets in memory: what a provider holds and name servers serve."""

from collections.abc import Sequence


class MemoryZones:
    """Names with their TXT sets; a TTL belongs to the set (RFC 2181, 5.2)."""

    def __init__(self) -> None:
        self._sets: dict[str, tuple[int, tuple[bytes, ...]]] = {}

    def put(self, name: str, ttl: int, *values: bytes) -> None:
        """Set the TXT set at a name, whatever stood there; no values: none."""
        if values:
            self._sets[name] = (ttl, values)
        else:
            self._sets.pop(name, None)

    def values(self, name: str) -> tuple[bytes, ...]:
        """Return the values at a name."""
        return self._sets[name][1] if name in self._sets else ()

    def ttl(self, name: str) -> int | None:
        """Return the TTL of the set at a name, in seconds."""
        return self._sets[name][0] if name in self._sets else None

    def served(self, name: str) -> Sequence[bytes] | None:
        """Return what a name server says: None where the name does not exist."""
        return self.values(name) or None

    def snapshot(self) -> dict[str, tuple[int, tuple[bytes, ...]]]:
        """Return everything."""
        return {name: (ttl, tuple(sorted(values))) for name, (ttl, values) in self._sets.items()}
