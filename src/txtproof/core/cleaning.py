"""After the end: its state is never left, and what is to go from DNS goes, one line of the ledger after the other.

A line leaves the ledger when its provider confirms that the value is gone, and in the same step that is told. Nothing
of an order is remembered but the row itself: which line a call was about is found by how many have failed before it
in this round, so that one publisher which is gone holds up no other.
"""

from datetime import datetime, timedelta

from txtproof.core import schedule
from txtproof.core.decisions import Decision, Withdraw
from txtproof.core.events import EventKind
from txtproof.core.model import Record, Step, Verification
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    CleanUp,
    Forget,
    Left,
    Observation,
    Poisoned,
    Queued,
    Unreachable,
    Withdrawn,
    Woken,
)
from txtproof.core.policy import Policy
from txtproof.core.removal import removals, settled_for_good
from txtproof.core.telling import DAILY, tell
from txtproof.core.values import replace

NONE = timedelta(0)


def cleaning_up(v: Verification, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """Decide about an ended verification, by the policy as it is now."""
    going = removals(v, policy)
    match seen:
        case CleanUp() if going:
            return Decision(replace(v, step=Step.WITHDRAW_RECORD, wake=now, turn=None, failures=0))
        case Forget():
            return Decision(settled_for_good(_without(v, *(record for _, record in going))))
    if v.step is None or v.wake is None or not going:
        return Decision(settled_for_good(v))
    due = _due(v, policy)
    if isinstance(seen, Woken) and v.wake <= now:
        # none is due where the policy has lengthened the wait meanwhile
        return Decision(v, _next(v, due)) if due else Decision(replace(v, wake=going[0][0]))
    return _answered(v, seen, now, policy) if due else Decision(v)


def _answered(v: Verification, seen: Observation, now: datetime, policy: Policy) -> Decision:
    match seen:
        case Withdrawn() | Left():
            return _gone(v, now, policy, removed=isinstance(seen, Withdrawn))
        case Unreachable() | Ambiguous():
            return _failed(v, now, policy, max(_backoff(v), getattr(seen, "retry_after", None) or NONE))
        case Blocked():
            return _failed(v, now, policy, policy.blocked_retry)
        case Queued(until=until):
            return Decision(replace(v, turn=until, wake=until))
        case Poisoned():
            return _asleep(v, now + DAILY, policy)
        case _:
            return Decision(v)


def _due(v: Verification, policy: Policy) -> tuple[Record, ...]:
    """Return the lines of this round, by when it woke and not by what the time is: none may join it during a call."""
    return tuple(record for time, record in removals(v, policy) if v.wake is not None and time <= v.wake)


def _next(v: Verification, due: tuple[Record, ...]) -> Withdraw:
    """Have the next line of the round removed: those before it have failed."""
    return Withdraw(due[v.failures % len(due)], v.turn)


def _gone(v: Verification, now: datetime, policy: Policy, *, removed: bool) -> Decision:
    due = _due(v, policy)
    gone, failed = _next(v, due).record, v.failures % len(due)
    left = replace(_without(v, gone), failures=failed)
    decision = _rest(left, now, policy)
    if not removed:
        return decision
    return tell(decision, EventKind.RECORD_REMOVED, now, publisher=gone.publisher, zone=gone.zone, name=gone.name)


def _rest(v: Verification, now: datetime, policy: Policy) -> Decision:
    """Go on with the round; where all that is left of it has failed, try that again later."""
    due, going = _due(v, policy), removals(v, policy)
    if v.failures < len(due):
        return Decision(v, _next(v, due))
    if due:
        return _asleep(v, now + _backoff(v), policy)
    return Decision(replace(v, wake=going[0][0]) if going else settled_for_good(v))


def _failed(v: Verification, now: datetime, policy: Policy, pause: timedelta) -> Decision:
    tried, due = replace(v, failures=v.failures + 1), _due(v, policy)
    if tried.failures % len(due):
        return Decision(tried, _next(tried, due))
    return _asleep(tried, now + pause, policy)


def _asleep(v: Verification, wake: datetime, policy: Policy) -> Decision:
    """Wait, but not for ever: a publisher that is gone from the configuration must not keep the row awake."""
    going = removals(v, policy)
    if wake <= max(v.deadline, going[-1][0]) + policy.longest_deadline:
        return Decision(replace(v, wake=wake))
    given_up = tuple(record for _, record in going)
    # they are to go whatever the policy says by the time that somebody asks for it again
    ledger = tuple(replace(line, superseded=True) if line in given_up else line for line in v.ledger)
    return Decision(settled_for_good(replace(v, ledger=ledger)))


def _backoff(v: Verification) -> timedelta:
    return schedule.jittered(schedule.backoff(v.failures + 1), v.id, v.failures)


def _without(v: Verification, *gone: Record) -> Verification:
    return replace(v, ledger=tuple(line for line in v.ledger if line not in gone))
