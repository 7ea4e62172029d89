"""`decide`: the whole of txtproof's behaviour, without a clock, a socket or a library.

The order of the rules is the order of the lines: what has ended stays so; a command is heard; the deadline; the
code's expiry; then whatever the state makes of what was seen. An observation that does not belong to the state
changes nothing.
"""

from datetime import datetime

from txtproof.core.checking import checking
from txtproof.core.cleaning import cleaning_up
from txtproof.core.commanded import called_for
from txtproof.core.decisions import Decision
from txtproof.core.ending import ended
from txtproof.core.events import EventKind
from txtproof.core.model import State, Step, Verification
from txtproof.core.observations import (
    Attach,
    Cancel,
    CheckNow,
    CleanUp,
    Forget,
    Observation,
    Poisoned,
    PublishAnswer,
    Queued,
    Release,
    Resume,
    UpstreamAnswer,
    WithdrawAnswer,
    Woken,
)
from txtproof.core.policy import Policy
from txtproof.core.publishing import publishing
from txtproof.core.reasons import Reason
from txtproof.core.requesting import requested
from txtproof.core.schedule import backoff, no_later_than
from txtproof.core.setbacks import in_line, on_its_way, poisoned, still_blocked
from txtproof.core.telling import stamp, tell
from txtproof.core.transitions import to_requested
from txtproof.core.values import replace


def decide(v: Verification, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """Return what a verification becomes by what was seen of the world, and what to do next.

    `now` is the store's time, aware. Total: every observation is answered in every state, and nothing is raised.
    """
    if v.turn is not None and isinstance(seen, UpstreamAnswer | PublishAnswer | WithdrawAnswer):
        # the call was made, or is not to be made: another one takes a place of its own
        v = replace(v, turn=None)
    if v.state.terminal:
        return cleaning_up(v, seen, now, policy)
    match seen:
        case Cancel():
            return ended(v, State.CANCELLED, now, policy, Reason.CANCELLED)
        case Attach():
            return _attached(v, seen, now, policy)
    if now >= v.deadline:
        return ended(v, State.EXPIRED, now, policy, Reason.DEADLINE_PASSED, f"it was {stamp(v.deadline)}")
    match seen:
        case Resume() | Release():
            return _mended(v, seen, now)
        case Poisoned():
            return poisoned(v, seen, now, policy)
    if v.code is not None and now >= v.code.expires:
        return _renewed(v, now, policy)
    if isinstance(seen, Woken) and v.wake is not None and now < v.wake:
        return Decision(v)
    return _worked(v, seen, now, policy)


def _worked(v: Verification, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """Have the state's own file say what follows."""
    match v.step:
        case _ if isinstance(seen, CheckNow):
            return called_for(v, now)
        case _ if isinstance(seen, CleanUp | Forget):
            return Decision(v)  # that is for what has ended
        case Step.REQUEST_CODE if isinstance(seen, Queued):
            return in_line(v, seen)
        case Step.REQUEST_CODE:
            return requested(v, seen, now, policy)
        case Step.PUBLISH_RECORD:
            return publishing(v, seen, now, policy)
        case Step.CHECK_RECORD if v.code is not None:
            return checking(v, seen, now, policy)
        case _:
            # blocked in checking, and the code has expired meanwhile: a new one makes it whole
            return on_its_way(v, now)


def _attached(v: Verification, seen: Attach, now: datetime, policy: Policy) -> Decision:
    """Let another request join in; the longer deadline wins, within what a run may take at the most."""
    deadline = max(v.deadline, no_later_than(seen.deadline or v.deadline, v.accepted + policy.longest_deadline))
    domain = v.domain or seen.domain
    joined = replace(v, deadline=deadline, domain=domain)
    return tell(Decision(joined), EventKind.ACCEPTED, now, attached=True, deadline=stamp(deadline))


def _mended(v: Verification, seen: Resume | Release, now: datetime) -> Decision:
    """Go on with what was blocked; with what is parked only where it is released by name."""
    if v.state is not State.BLOCKED or v.parked != isinstance(seen, Release):
        return Decision(v)
    expired = v.code is not None and now >= v.code.expires
    return on_its_way(replace(v, code=None) if expired else v, now)


def _renewed(v: Verification, now: datetime, policy: Policy) -> Decision:
    """Give up an expired code. What is blocked stays so: a new code would not help it."""
    assert v.code is not None, "only a code can expire"
    if v.state is State.BLOCKED:
        return still_blocked(replace(v, code=None), now, policy)
    # codes that live for seconds must not turn renewal into polling: the n-th may follow n - 1 doublings later
    soonest = v.code.issued + backoff(v.generation)
    wake = no_later_than(max(now, soonest), v.deadline)
    return Decision(to_requested(v, now, wake, Reason.CODE_EXPIRED))
