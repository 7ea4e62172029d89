"""One constructor per change of state, so that no illegal combination can be written down.

Each takes the verification as it was and returns it as it shall be; what a state must and must not have is set here
and nowhere else.
"""

from datetime import datetime

from txtproof.core.events import Event
from txtproof.core.model import Change, Code, Record, State, Step, Verification
from txtproof.core.reasons import Reason
from txtproof.core.removal import litter
from txtproof.core.values import replace

HISTORY = 20
"""Changes kept; the first one (when it was accepted) always stays."""

STATE_OF: dict[Step, State] = {
    Step.REQUEST_CODE: State.REQUESTED,
    Step.PUBLISH_RECORD: State.PUBLISHING,
    Step.CHECK_RECORD: State.CHECKING,
}
"""The state that each step works in: where a blocked verification came from."""


def entered(v: Verification, state: State, now: datetime, reason: Reason | None) -> tuple[Change, ...]:
    """Return the history with one line more, shortened in the middle."""
    lines = (*v.history, Change(now, state, reason))
    return lines if len(lines) <= HISTORY else (lines[0], *lines[-(HISTORY - 1) :])


def to_requested(v: Verification, now: datetime, wake: datetime, reason: Reason | None) -> Verification:
    """Wait for a code. What was issued before is trusted no more; the ledger remembers what was written."""
    return replace(
        v,
        state=State.REQUESTED,
        step=Step.REQUEST_CODE,
        wake=wake,
        code=None,
        reason=reason,
        detail="",
        servers=(),
        looks=0,
        failures=0,
        turn=None,
        zone=None,
        zone_until=None,
        missed=None,
        planned=None,
        told=None,
        history=entered(v, State.REQUESTED, now, reason),
    )


def to_publishing(v: Verification, now: datetime, code: Code, domain: str) -> Verification:
    """Have a code, and want it in DNS."""
    return replace(
        v,
        state=State.PUBLISHING,
        step=Step.PUBLISH_RECORD,
        wake=now,
        domain=domain,
        generation=v.generation + 1,
        code=code,
        reason=None,
        detail="",
        servers=(),
        looks=0,
        failures=0,
        zone=None,
        zone_until=None,
        history=entered(v, State.PUBLISHING, now, None),
    )


def to_checking(v: Verification, now: datetime, ledger: tuple[Record, ...]) -> Verification:
    """The provider holds the record; now the name servers are to serve it."""
    return replace(
        v,
        state=State.CHECKING,
        step=Step.CHECK_RECORD,
        wake=now,
        ledger=ledger,
        reason=None,
        detail="",
        looks=0,
        failures=0,
        history=entered(v, State.CHECKING, now, None),
    )


def to_blocked(v: Verification, now: datetime, wake: datetime, reason: Reason, detail: str) -> Verification:
    """Wait for a person; the step stays, and is tried again."""
    known = v.state is State.BLOCKED and v.reason is reason
    return replace(
        v,
        state=State.BLOCKED,
        wake=wake,
        reason=reason,
        detail=detail,
        failures=0,
        planned=None,
        history=v.history if known else entered(v, State.BLOCKED, now, reason),
    )


def unblocked(v: Verification, now: datetime) -> Verification:
    """Go on where it was blocked; where the code has expired meanwhile, with a new one."""
    assert v.step in STATE_OF, "a blocked verification has a step to try again"
    if v.code is None:
        return to_requested(v, now, now, None)
    state = STATE_OF[v.step]
    return replace(v, state=state, wake=now, reason=None, detail="", history=entered(v, state, now, None))


def to_end(v: Verification, state: State, now: datetime, reason: Reason | None, detail: str) -> Verification:
    """End it, for good. The code goes; the ledger stays until its values are dealt with."""
    return replace(
        v,
        state=state,
        step=None,
        wake=None,
        code=None,
        reason=reason,
        detail=detail,
        failures=0,
        turn=None,
        planned=None,
        history=entered(v, state, now, reason),
    )


def inherited(
    newborn: Verification, events: tuple[Event, ...], old: Verification
) -> tuple[Verification, tuple[Event, ...]]:
    """Return a new run of a key, and its first events, as the successor of the run before.

    The old ledger is taken over as generation 0, so that what the old run wrote is still known to be ours; what proves
    nothing by then is superseded. Event numbers go on rising, since they rise per subject.
    """
    useless = litter(old)
    ledger = tuple(replace(line, generation=0, superseded=line in useless) for line in old.ledger)
    heir = replace(newborn, ledger=ledger, sequence=newborn.sequence + old.sequence)
    return heir, tuple(replace(event, sequence=event.sequence + old.sequence) for event in events)
