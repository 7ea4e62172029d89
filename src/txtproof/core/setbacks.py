"""When it does not go on: waiting for a person, waiting for better times, and being on the way again."""

from datetime import datetime, timedelta

from txtproof.core import schedule
from txtproof.core.decisions import Decision
from txtproof.core.events import EventKind
from txtproof.core.model import State, Verification
from txtproof.core.observations import Ambiguous, Blocked, Poisoned, Queued, Unreachable
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.core.telling import problem, stamp, tell
from txtproof.core.transitions import to_blocked, unblocked
from txtproof.core.values import replace


def bounded(v: Verification, wanted: datetime) -> datetime:
    """Return when to wake: never past the deadline or the code's expiry, which change what is right."""
    return schedule.no_later_than(wanted, v.deadline, v.code.expires if v.code else None)


def blocked(v: Verification, seen: Blocked, now: datetime, policy: Policy) -> Decision:
    """Wait for a person, and try again by the hour; the same reason is told once."""
    known = v.state is State.BLOCKED and v.reason is seen.reason
    held = to_blocked(v, now, now, seen.reason, seen.detail)
    decision = Decision(replace(held, wake=_next_try(held, now, policy)))
    return decision if known else tell(decision, EventKind.BLOCKED, now, **problem(held))


def poisoned(v: Verification, seen: Poisoned, now: datetime, policy: Policy) -> Decision:
    """Park a row on which one worker after the other has died: until its deadline only a person lets it go on."""
    return blocked(v, Blocked(Reason.POISON, f"claimed {seen.claims} times without a result"), now, policy)


def still_blocked(v: Verification, now: datetime, policy: Policy) -> Decision:
    """Leave it blocked until the next try."""
    return Decision(replace(v, wake=_next_try(v, now, policy)))


def backed_off(
    v: Verification, seen: Unreachable | Ambiguous, now: datetime, policy: Policy, at_least: timedelta
) -> Decision:
    """Try again later; it counts against nothing. What is blocked stays so: one that was not reached is no answer."""
    if v.state is State.BLOCKED:
        return still_blocked(v, now, policy)
    failures = v.failures + 1
    pause = schedule.jittered(schedule.backoff(failures), v.id, v.generation, failures)
    wake = bounded(v, now + max(pause, at_least))
    return Decision(replace(v, failures=failures, reason=seen.reason, detail=seen.detail, wake=wake))


def in_line(v: Verification, seen: Queued) -> Decision:
    """Wait for the turn that was given; it counts against nothing, and what is blocked stays so."""
    waiting = replace(v, turn=seen.until, wake=bounded(v, seen.until))
    if v.state is State.BLOCKED:
        return Decision(waiting)
    return Decision(replace(waiting, reason=Reason.QUEUED, detail=f"its turn is at {stamp(seen.until)}"))


def on_its_way(v: Verification, now: datetime) -> Decision:
    """Return it in the state that its step works in, and tell so where it was blocked."""
    if v.state is not State.BLOCKED:
        return Decision(v)
    return tell(Decision(unblocked(v, now)), EventKind.RESUMED, now)


def _next_try(v: Verification, now: datetime, policy: Policy) -> datetime:
    if v.parked:
        return bounded(v, v.deadline)
    since = next(change.time for change in reversed(v.history) if change.state is State.BLOCKED)
    return bounded(v, schedule.next_on_grid(since, policy.blocked_retry, now))
