"""Ids of questions: whoever forges an answer has to guess one (RFC 5452, 9.2)."""

import os
from collections.abc import Iterator

_DRAWN_TOGETHER = 256


def ids() -> Iterator[bytes]:
    """Yield ids, each drawn at random; many by one call of the system."""
    while True:
        drawn = os.urandom(2 * _DRAWN_TOGETHER)
        yield from (drawn[at : at + 2] for at in range(0, len(drawn), 2))
