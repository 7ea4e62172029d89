"""What makes a code a weak proof: it is worked on all the same, and whoever relies on it is told.

Both warnings are those that the IETF's draft on domain verification asks of a verifier
(draft-ietf-dnsop-domain-verification-techniques).
"""

import math
import string
from enum import StrEnum

from txtproof.core.model import Verification

NEEDED_BITS = 128
"""Of entropy, so that nobody guesses a code."""

_ALPHABETS = (
    frozenset(string.digits),
    frozenset(string.digits + "abcdef"),
    frozenset(string.digits + "ABCDEF"),
    frozenset(string.digits + string.ascii_lowercase),
    frozenset(string.digits + string.ascii_uppercase),
    frozenset(string.digits + string.ascii_letters),
)
"""Those that codes are written in, the smallest first."""
_ANY_CHARACTER = 128


class Doubt(StrEnum):
    """A warning."""

    SHORT_CODE = "short_code"
    STOOD_BEFORE = "stood_before"


SENTENCES: dict[Doubt, str] = {
    Doubt.SHORT_CODE: f"The code is too short to hold {NEEDED_BITS} bits: it could be guessed.",
    Doubt.STOOD_BEFORE: "The provider held the code before it was first written: it was known before.",
}
"""One for every doubt."""


def doubts(v: Verification) -> tuple[Doubt, ...]:
    """Return what speaks against the present code, as far as it is known by now."""
    if v.code is None:
        return ()
    short = most_bits(v.code.value) < NEEDED_BITS
    stood = any(line.stood and line.generation == v.generation for line in v.ledger)
    return (Doubt.SHORT_CODE,) * short + (Doubt.STOOD_BEFORE,) * stood


def most_bits(code: str) -> float:
    """Return how many bits of entropy a code can hold at most: of its length, written in the least of the alphabets.

    What is the same in all codes is counted too, since one alone does not show it.
    """
    used = frozenset(code)
    size = next((len(alphabet) for alphabet in _ALPHABETS if used <= alphabet), _ANY_CHARACTER)
    return len(code) * math.log2(size)
