"""A person as the publisher: nothing is written, and an event says what is to be written where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from txtproof.core.observations import Left, PublishAnswer, Required, WithdrawAnswer
from txtproof.ports import Capability


@dataclass(frozen=True, slots=True)
class ManualOptions:
    """The zones of people who write their records by hand; the root, `""`, is every zone that nobody else has."""

    name: str
    zones: tuple[str, ...]

    def open(self) -> "ManualPublisher":
        """Make the publisher."""
        return ManualPublisher()


class ManualPublisher:
    """Port `Publisher`, without a provider."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset()

    async def ensure_txt(
        self,
        zone: str,  # noqa: ARG002
        name: str,  # noqa: ARG002
        value: bytes,  # noqa: ARG002
        ttl: int,  # noqa: ARG002
        replaces: Sequence[bytes] = (),  # noqa: ARG002
    ) -> PublishAnswer:
        """Have somebody told."""
        return Required()

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:  # noqa: ARG002
        """Leave it: who wrote it removes it."""
        return Left()

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:  # noqa: ARG002
        """Return None: there is nobody to be asked."""
        return None

    async def aclose(self) -> None:
        """Do nothing: there is nothing to end."""
