"""The first moment of a verification."""

from datetime import datetime, timedelta

from txtproof.core.decisions import Decision
from txtproof.core.events import EventKind
from txtproof.core.model import Change, Key, State, Step, Verification
from txtproof.core.orders import Refusal, Request
from txtproof.core.policy import Policy
from txtproof.core.schedule import no_later_than
from txtproof.core.telling import stamp, tell

NONE = timedelta(0)


def admitted(
    identity: str, key: Key, request: Request, now: datetime, policy: Policy, pause: timedelta = NONE
) -> Decision | Refusal:
    """Return a new run that begins after a pause, with its first event, or why there is none."""
    if request.deadline is not None and request.deadline <= now:
        return Refusal("bad_deadline", f"deadline {stamp(request.deadline)} has passed: write a later one, or none")
    deadline = no_later_than(request.deadline or now + policy.deadline, now + policy.longest_deadline)
    v = Verification(
        id=identity,
        key=key,
        state=State.REQUESTED,
        accepted=now,
        deadline=deadline,
        step=Step.REQUEST_CODE,
        wake=no_later_than(now + pause, deadline),
        domain=request.domain,
        correlation_id=request.correlation_id,
        history=(Change(now, State.REQUESTED),),
    )
    return tell(Decision(v), EventKind.ACCEPTED, now, attached=False, deadline=stamp(deadline))
