"""The end of a verification, and what is left to do then: the clean-up of what it wrote."""

from datetime import datetime, timedelta

from txtproof.core import schedule
from txtproof.core.decisions import Decision, Withdraw
from txtproof.core.events import EventKind
from txtproof.core.evidence import ServerView
from txtproof.core.model import Record, State, Step, Verification
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    Left,
    Observation,
    Poisoned,
    Queued,
    Unreachable,
    Withdrawn,
    Woken,
)
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.core.telling import DAILY, ENDINGS, evidence, problem, tell
from txtproof.core.transitions import due_for_removal, to_end, withdrawing
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
    """End it: the one place from which a terminal event can come."""
    over = withdrawing(to_end(replace(v, servers=servers or v.servers), state, now, reason, detail), policy, now)
    last = {"lastReason": v.reason.value} if v.reason else {}
    if state is State.VERIFIED:
        return tell(Decision(over), ENDINGS[state], now, **problem(over), evidence=evidence(servers))
    return tell(Decision(over), ENDINGS[state], now, **problem(over), **last)


def cleaning_up(v: Verification, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """Decide about an ended verification: its state is never left, its records go one after the other."""
    pending = due_for_removal(v, policy)
    if v.step is None or not pending:
        return Decision(replace(v, step=None, wake=None))
    if now >= v.deadline + policy.longest_deadline:
        # a publisher that was taken out of the configuration must not keep the row awake for ever
        return Decision(replace(v, step=None, wake=None))
    match seen:
        case Woken():
            return Decision(v, Withdraw(pending[0], v.turn)) if _due(v, now) else Decision(v)
        case Withdrawn() | Left():
            return _withdrawn(v, pending, now, removed=isinstance(seen, Withdrawn))
        case Unreachable() | Ambiguous():
            wanted = getattr(seen, "retry_after", None) or timedelta(0)
            pause = max(schedule.jittered(schedule.backoff(v.failures + 1), v.id, v.failures), wanted)
            return Decision(replace(v, failures=v.failures + 1, wake=now + pause))
        case Queued(until=until):
            return Decision(replace(v, turn=until, wake=until))
        case Poisoned():
            return Decision(replace(v, wake=now + DAILY))
        case Blocked():
            return Decision(replace(v, wake=now + policy.blocked_retry))
        case _:
            return Decision(v)


def _due(v: Verification, now: datetime) -> bool:
    return v.step is Step.WITHDRAW_RECORD and v.wake is not None and v.wake <= now


def _withdrawn(v: Verification, pending: tuple[Record, ...], now: datetime, *, removed: bool) -> Decision:
    gone, *rest = pending
    kept = tuple(record for record in v.ledger if record is not gone)
    left = replace(v, ledger=kept, failures=0)
    decision = Decision(left, Withdraw(rest[0])) if rest else Decision(replace(left, step=None, wake=None))
    if not removed:
        return decision
    return tell(decision, EventKind.RECORD_REMOVED, now, publisher=gone.publisher, zone=gone.zone, name=gone.name)
