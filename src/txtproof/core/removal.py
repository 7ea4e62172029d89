"""What is to go from DNS after the end, and when: from the ledger alone."""

from datetime import datetime, timedelta

from txtproof.core.model import Record, State, Step, Verification
from txtproof.core.policy import Policy
from txtproof.core.values import replace


def litter(v: Verification) -> tuple[Record, ...]:
    """Return the lines of an ended verification that prove nothing: they go whatever the policy.

    A value that proves something stays, by whichever line it is known: two publishers may write the same place.
    """
    if not v.state.terminal:
        return ()
    proofs = {(line.name, line.value) for line in v.ledger if _proves(v, line)}
    return tuple(line for line in v.ledger if (line.name, line.value) not in proofs)


def removals(v: Verification, policy: Policy) -> tuple[tuple[datetime, Record], ...]:
    """Return the lines of an ended verification that are to go, each with the instant from which on; the first first.

    What was superseded is removed once more even where the provider has confirmed it before, after a pause in which
    the late write of a frozen worker can land; so is what nobody has confirmed to have been written.
    """
    ended, useless = v.history[-1].time, litter(v)
    unsure = len(v.history) < 2 or v.history[-2].state is not State.CHECKING

    def pause(line: Record) -> timedelta:
        if line not in useless:
            return policy.withdraw_after
        return policy.closing_delay if line.superseded or unsure else timedelta(0)

    going = useless if policy.records == "keep" else v.ledger
    # the order of the ledger decides between those that go at the same time
    return tuple(sorted(((ended + pause(line), line) for line in going), key=lambda one: one[0]))


def withdrawing(v: Verification, policy: Policy) -> Verification:
    """Return the ended verification with its clean-up due, where there is one."""
    going = removals(v, policy)
    if not going:
        return settled_for_good(v)
    return replace(v, step=Step.WITHDRAW_RECORD, wake=going[0][0])


def settled_for_good(v: Verification) -> Verification:
    """Return the ended verification with nothing to be done about it any more."""
    return replace(v, step=None, wake=None, turn=None)


def is_left_over(v: Verification) -> bool:
    """Say whether values of it that are to go are being removed no more: only a person can bring that about."""
    return v.step is None and bool(litter(v))


def _proves(v: Verification, line: Record) -> bool:
    """Say whether a record of this run has proved it, or one of a run before, which no other value has replaced."""
    return line.proved_before or (v.state is State.VERIFIED and not line.superseded)
