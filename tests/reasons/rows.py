"""A verification whose look is made on real servers."""

from datetime import datetime

from tests.adapters.dns.world import CODE, OLD
from tests.core.rows import LIFETIME, NOW, requested, seen
from txtproof.core.decisions import Look
from txtproof.core.machine import decide
from txtproof.core.model import State, Verification
from txtproof.core.observations import CodeIssued, Published, Routed, Woken
from txtproof.core.policy import Policy
from txtproof.core.values import replace
from txtproof.core.wording import SEARCH_EVERY

POLICY = Policy(record_name="_verify.{domain}")
LATER = NOW + LIFETIME
"""When the second code was published."""
LOOKS = SEARCH_EVERY - 1
"""So many that missed: the next one is thorough."""


def waiting(domain: str) -> Verification:
    """Return one whose second code is published, and whose next look is a thorough one, if that is late enough."""
    routed = Routed("corp", domain, f"_verify.{domain}")
    first = CodeIssued(OLD.decode(), LATER, domain)
    v = seen(requested(domain, POLICY), first, routed, Published(), policy=POLICY).verification
    second = CodeIssued(CODE.decode(), LATER + LIFETIME, domain)
    v = seen(v, Woken(), second, routed, Published(), now=LATER, policy=POLICY).verification
    assert (v.state, v.generation) == (State.CHECKING, 2)
    return replace(v, looks=LOOKS)


def look_for(v: Verification, now: datetime) -> Look:
    """Return the look that the machine asks for."""
    look = decide(v, Woken(), now, POLICY).effect
    assert isinstance(look, Look)
    assert look.thorough == (now > LATER)
    return look
