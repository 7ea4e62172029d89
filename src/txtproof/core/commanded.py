"""A look on command: at once, at most once a minute, and beside the curve."""

from datetime import datetime, timedelta
from math import ceil

from txtproof.core.decisions import Decision
from txtproof.core.model import State, Verification
from txtproof.core.orders import Refusal
from txtproof.core.values import replace

APART = timedelta(minutes=1)
"""The least between two looks on command at one domain."""


def why_not_now(v: Verification, now: datetime) -> Refusal | None:
    """Say why a command that comes now brings no look; None where it does."""
    if v.state is not State.CHECKING:
        return Refusal("not_checking", f"{v.key} is {v.state}: looks begin once its record is published")
    if v.asked is not None and now < v.asked + APART:
        seconds = ceil((v.asked + APART - now).total_seconds())
        return Refusal("rate_limited", f"rate limited, again in {seconds} s")
    return None


def called_for(v: Verification, now: datetime) -> Decision:
    """Have the next look made now, and remember when it was planned; what comes too early changes nothing."""
    if why_not_now(v, now) is not None:
        return Decision(v)
    asked = replace(v, asked=now)
    if v.wake is None or v.wake <= now:
        return Decision(asked)
    return Decision(replace(asked, wake=now, planned=v.planned or v.wake))


def beside_the_curve(after: Decision, before: Verification) -> Decision:
    """Return what was decided by a look; where that was on command, the curve stands where it stood."""
    if before.planned is None:
        return after
    stood = replace(after.verification, looks=before.looks, failures=before.failures, wake=before.planned, planned=None)
    return replace(after, verification=stood)
