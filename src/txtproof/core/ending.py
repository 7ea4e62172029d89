"""The end of a verification: the one place from which a terminal event can come."""

from datetime import datetime

from txtproof.core.decisions import Decision
from txtproof.core.evidence import ServerView
from txtproof.core.model import State, Verification
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.core.removal import withdrawing
from txtproof.core.telling import ENDINGS, evidence, problem, tell, warnings
from txtproof.core.transitions import to_end
from txtproof.core.values import replace


def ended(
    v: Verification,
    state: State,
    now: datetime,
    policy: Policy,
    reason: Reason | None = None,
    detail: str = "",
    servers: tuple[ServerView, ...] = (),
) -> Decision:
    """End it, with its clean-up due."""
    over = withdrawing(to_end(replace(v, servers=servers or v.servers), state, now, reason, detail), policy)
    last = {"lastReason": v.reason.value} if v.reason else {}
    if state is State.VERIFIED:
        seen = {"evidence": evidence(servers), **warnings(v)}
        return tell(Decision(over), ENDINGS[state], now, **problem(over), **seen)
    return tell(Decision(over), ENDINGS[state], now, **problem(over), **last)
