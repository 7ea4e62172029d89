"""What a publisher is made from: each kind has options of its own, and knows how to open itself with them."""

from typing import Protocol

from txtproof.ports import Publisher


class PublisherOptions(Protocol):
    """The settings of one publisher, whatever its kind; secrets inside are SecretStr."""

    @property
    def name(self) -> str:
        """Return what it is called in records, events and logs."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Return the zones that it writes."""

    def open(self) -> Publisher:
        """Make the publisher, on the running loop; it connects when it is first used, and `aclose` ends it."""
