"""What is left of a run when it has ended, and what becomes of it: docs/states.md, "Records after the end"."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.core.rows import (
    DOMAIN,
    ISSUED,
    LIFETIME,
    NOW,
    POLICY,
    REFUSED,
    ROUTED,
    SOON,
    blocked_in_publishing,
    cancelled,
    checking,
    publishing,
    renewed,
    requested,
    seen,
    verified,
)
from txtproof.core.decisions import Withdraw
from txtproof.core.machine import decide
from txtproof.core.model import Record, State, Step, Verification
from txtproof.core.observations import (
    AlreadyVerified,
    Ambiguous,
    Cancel,
    CleanUp,
    CodeIssued,
    Forget,
    Left,
    Match,
    Observation,
    Poisoned,
    Published,
    Queued,
    Required,
    Routed,
    Unreachable,
    Withdrawn,
    Woken,
)
from txtproof.core.policy import Policy
from txtproof.core.publishing import REMEMBERED
from txtproof.core.reasons import Reason
from txtproof.core.removal import is_left_over
from txtproof.core.transitions import inherited
from txtproof.core.values import replace

EXPIRY = NOW + LIFETIME
WEEK = timedelta(days=7)
WITHDRAWING = Policy(records="withdraw")
IN_A_WEEK = Policy(records="withdraw", withdraw_after=WEEK)
UNSURE = Ambiguous(Reason.PUBLISHER_UNREACHABLE, "no answer")
LOST = Unreachable(Reason.PUBLISHER_UNREACHABLE, "no connection")


def values(v: Verification) -> list[str]:
    return [line.value for line in v.ledger]


def withdrawn(v: Verification, policy: Policy = POLICY) -> str | None:
    """Return the value that its next visit has removed, if any."""
    assert v.wake is not None
    effect = decide(v, Woken(), v.wake, policy).effect
    return effect.record.value if isinstance(effect, Withdraw) else None


def cleaned(v: Verification, policy: Policy = POLICY) -> Verification:
    """Have whatever is removed confirmed, until nothing is due any more."""
    while v.wake is not None:
        effect = decide(v, Woken(), v.wake, policy).effect
        v = decide(v, Withdrawn() if effect else Woken(), v.wake, policy).verification
    return v


def again(old: Verification, *observations: Observation) -> Verification:
    """Return the next run of a key, after these observations."""
    heir, _ = inherited(replace(requested(), id="v-2"), (), old)
    return seen(heir, *observations).verification


# The policy


def test_a_verified_record_stays_unless_the_policy_says_otherwise() -> None:
    assert (verified().step, values(verified())) == (None, ["code-1"])
    at_once = decide(checking(), Match(()), SOON, WITHDRAWING).verification
    assert (at_once.step, at_once.wake) == (Step.WITHDRAW_RECORD, SOON)
    assert values(cleaned(at_once, WITHDRAWING)) == []
    v = decide(checking(), Match(()), SOON, IN_A_WEEK).verification
    assert (v.step, v.wake) == (Step.WITHDRAW_RECORD, SOON + WEEK)


@pytest.mark.parametrize("policy", [POLICY, WITHDRAWING, IN_A_WEEK])
def test_a_record_that_proves_nothing_goes_at_once_whatever_the_policy(policy: Policy) -> None:
    v = seen(checking(), Cancel(), policy=policy).verification
    assert v.wake == NOW
    decision = decide(v, Woken(), NOW, policy)
    assert isinstance(decision.effect, Withdraw)
    done = decide(decision.verification, Withdrawn(), SOON, policy).verification
    assert (done.ledger, done.step) == ((), None)


@pytest.mark.parametrize("policy", [POLICY, WITHDRAWING, IN_A_WEEK])
def test_a_superseded_value_is_removed_once_more_a_minute_after_the_end_whatever_the_policy(policy: Policy) -> None:
    end = EXPIRY + timedelta(seconds=1)
    v = decide(renewed(), Match(()), end, policy).verification
    went = {}
    while v.wake is not None:
        if value := withdrawn(v, policy):
            went[value] = v.wake - end
        v = decide(v, Withdrawn() if value else Woken(), v.wake, policy).verification
    assert went.pop("code-1") == policy.closing_delay
    assert went == ({} if policy.records == "keep" else {"code-2": policy.withdraw_after})


@pytest.mark.parametrize("before", [publishing, blocked_in_publishing])
def test_what_nobody_has_confirmed_is_removed_after_its_writer_can_have_woken(
    before: Callable[[], Verification],
) -> None:
    v = seen(before(), ROUTED, UNSURE, Cancel()).verification
    assert (values(v), v.wake) == (["code-1"], NOW + POLICY.closing_delay)


def test_a_policy_that_comes_to_keep_before_the_time_keeps_the_record() -> None:
    v = decide(checking(), Match(()), SOON, IN_A_WEEK).verification
    after = decide(v, Woken(), SOON + WEEK, POLICY)
    assert (after.effect, after.verification.step, values(after.verification)) == (None, None, ["code-1"])


def test_a_wait_that_was_lengthened_meanwhile_is_kept_to() -> None:
    v = decide(checking(), Match(()), SOON, Policy(records="withdraw", withdraw_after=timedelta(days=1))).verification
    assert v.wake is not None
    asleep = decide(v, Woken(), v.wake, IN_A_WEEK)
    assert (asleep.effect, asleep.verification.wake) == (None, SOON + WEEK)
    assert withdrawn(asleep.verification, IN_A_WEEK) == "code-1"


def test_a_policy_that_comes_to_withdraw_after_the_end_takes_hold_when_a_person_asks_for_it() -> None:
    kept = decide(verified(), Woken(), NOW + WEEK, WITHDRAWING).verification
    assert (kept.step, values(kept)) == (None, ["code-1"])
    asked = decide(kept, CleanUp(), NOW + WEEK, WITHDRAWING).verification
    assert (asked.step, asked.wake) == (Step.WITHDRAW_RECORD, NOW + WEEK)
    assert values(cleaned(asked, WITHDRAWING)) == []
    too_soon = decide(kept, CleanUp(), SOON, IN_A_WEEK).verification
    assert decide(too_soon, Woken(), SOON, IN_A_WEEK).verification.wake == NOW + WEEK
    assert decide(kept, CleanUp(), NOW + WEEK, POLICY).verification == kept, "and not where it says `keep`"


# Providers that fail


@pytest.mark.parametrize("answer", [UNSURE, LOST, REFUSED, Poisoned(6)])
def test_a_line_stays_in_the_ledger_until_its_removal_is_confirmed(answer: Observation) -> None:
    v = cancelled()
    for _ in range(5):
        assert v.wake is not None
        assert withdrawn(v) == "code-1"
        decision = decide(v, answer, v.wake, POLICY)
        assert (values(decision.verification), decision.events) == (["code-1"], ())
        assert decision.verification.wake is not None
        assert decision.verification.wake > v.wake
        v = decision.verification


def test_what_a_person_wrote_by_hand_is_left_and_nothing_is_told() -> None:
    decision = decide(cancelled(), Left(), SOON, POLICY)
    assert (decision.verification.ledger, decision.verification.step, decision.events) == ((), None, ())


def test_a_removal_is_told_once_for_each_value_by_its_place() -> None:
    v = seen(renewed(), Cancel(), now=EXPIRY).verification
    told = []
    while v.wake is not None:
        decision = decide(v, Withdrawn(), v.wake, POLICY)
        told += [dict(event.data) for event in decision.events]
        v = decision.verification
        for late in (Withdrawn(), Woken()):
            v = decide(v, late, v.wake, POLICY).verification if v.wake and late == Woken() else v
    assert [(one["publisher"], one["zone"], one["name"]) for one in told] == [("corp", DOMAIN, DOMAIN)] * 2
    assert decide(v, Withdrawn(), EXPIRY + WEEK, POLICY).events == ()
    assert "code-" not in str(told)


def gone_and_there() -> Verification:
    """One that has ended with two values to go: the publisher of the first is gone, and that of the second is not."""
    present = checking().ledger[0]
    gone = replace(present, publisher="gone", value="code-0")
    return seen(replace(checking(), ledger=(gone, present)), Cancel()).verification


@pytest.mark.parametrize("answer", [REFUSED, LOST, UNSURE])
def test_a_publisher_that_is_gone_holds_up_no_other(answer: Observation) -> None:
    v = gone_and_there()
    assert withdrawn(v) == "code-0"
    second = decide(v, answer, NOW, POLICY)
    assert isinstance(second.effect, Withdraw)
    assert second.effect.record.value == "code-1"
    done = decide(second.verification, Withdrawn(), NOW, POLICY)
    assert (done.effect, values(done.verification)) == (None, ["code-0"])
    assert done.verification.wake is not None
    assert done.verification.wake > NOW
    assert withdrawn(done.verification) == "code-0"


def test_where_all_publishers_fail_each_is_called_once_in_a_round() -> None:
    v = gone_and_there()
    for _ in range(4):
        assert v.wake is not None
        now, calls = v.wake, []
        decision = decide(v, Woken(), now, POLICY)
        while isinstance(decision.effect, Withdraw):
            calls.append(decision.effect.record.value)
            decision = decide(decision.verification, REFUSED, now, POLICY)
        assert calls == ["code-0", "code-1"]
        v = decision.verification
        assert v.wake == now + POLICY.blocked_retry


def test_a_line_that_falls_due_during_a_call_is_not_taken_for_the_one_that_was_removed() -> None:
    v = seen(renewed(), Cancel(), now=EXPIRY).verification
    assert withdrawn(v) == "code-2"
    much_later = EXPIRY + 2 * POLICY.closing_delay
    asleep = decide(v, Unreachable(Reason.CONFLICT), EXPIRY, POLICY).verification
    for failures in range(4):
        one = replace(asleep, failures=failures, wake=EXPIRY)
        assert withdrawn(one) == "code-2"
        assert values(decide(one, Withdrawn(), much_later, POLICY).verification) == ["code-1"]


def test_removal_is_given_up_in_the_end_and_what_is_left_is_not_forgotten() -> None:
    v = cancelled()
    late = v.deadline + POLICY.longest_deadline
    assert withdrawn(replace(v, wake=late)) == "code-1", "the last try is made"
    in_line = decide(replace(v, wake=late), Queued(late + WEEK), late, POLICY).verification
    assert in_line.step is not None, "one that waits in line was not tried yet"
    given_up = decide(replace(v, wake=late), REFUSED, late, POLICY).verification
    assert (given_up.step, values(given_up), is_left_over(given_up)) == (None, ["code-1"], True)


def test_a_withdrawal_that_comes_long_after_the_deadline_is_tried_as_long_as_any() -> None:
    policy = Policy(records="withdraw", withdraw_after=timedelta(days=90))
    v = decide(checking(), Match(()), SOON, policy).verification
    for day in range(29):
        now = SOON + timedelta(days=90 + day)
        v = decide(replace(v, wake=now), REFUSED, now, policy).verification
        assert v.step is Step.WITHDRAW_RECORD


def test_a_record_whose_withdrawal_was_given_up_is_left_over_whatever_the_policy_says_later() -> None:
    v = decide(checking(), Match(()), SOON, WITHDRAWING).verification
    late = v.deadline + POLICY.longest_deadline
    given_up = decide(replace(v, wake=late), REFUSED, late, WITHDRAWING).verification
    assert is_left_over(given_up)
    assert values(cleaned(decide(given_up, CleanUp(), late, POLICY).verification)) == []


def test_what_was_given_up_is_tried_again_when_a_person_asks_for_it_once() -> None:
    v, late = cancelled(), NOW + 2 * POLICY.longest_deadline
    left = decide(replace(v, wake=late), REFUSED, late, POLICY).verification
    asked = decide(left, CleanUp(), late, POLICY).verification
    assert (asked.step, asked.wake, is_left_over(asked)) == (Step.WITHDRAW_RECORD, late, False)
    assert is_left_over(decide(asked, LOST, late, POLICY).verification)
    assert values(cleaned(asked)) == []


def test_what_a_person_has_dealt_with_is_forgotten_and_nothing_is_told() -> None:
    for v in (cancelled(), gone_and_there()):
        decision = decide(v, Forget(), SOON, POLICY)
        assert (decision.verification.ledger, decision.verification.step, decision.events) == ((), None, ())
    assert decide(verified(), Forget(), SOON, POLICY).verification == verified(), "what is kept is not to go"


@pytest.mark.parametrize("command", [CleanUp(), Forget()])
@pytest.mark.parametrize("before", [requested, publishing, checking, blocked_in_publishing])
def test_a_command_for_what_has_ended_changes_nothing_before(
    before: Callable[[], Verification], command: Observation
) -> None:
    assert decide(before(), command, NOW, POLICY).verification == before()


# Codes that nobody could publish


def unconfirmed(codes: int) -> Verification:
    """One whose provider has not answered to any of so many codes."""
    v = replace(requested(), deadline=NOW + POLICY.longest_deadline)
    for number in range(1, codes + 1):
        now = NOW + (number - 1) * LIFETIME
        v = seen(v, CodeIssued(f"code-{number}", now + LIFETIME, DOMAIN), ROUTED, UNSURE, now=now).verification
        v = seen(v, Woken(), now=now + LIFETIME).verification
    return v


def test_a_value_whose_removal_nobody_has_confirmed_is_remembered_however_many_there_are() -> None:
    v = unconfirmed(2 * REMEMBERED)
    assert values(v) == [f"code-{number}" for number in range(1, 2 * REMEMBERED + 1)]
    now = NOW + 2 * REMEMBERED * LIFETIME
    code = CodeIssued("code-9", now + LIFETIME, DOMAIN)
    published = seen(v, code, ROUTED, Published(), now=now)
    assert values(published.verification) == ["code-4", "code-5", "code-6", "code-9"]
    kinds = [event.kind for event in published.events]
    assert kinds == ["code-issued", "record-published"] + ["record-removed"] * 3, "as many as have left the ledger"
    by_hand = seen(v, code, ROUTED, Required(), now=now)
    assert [event.kind for event in by_hand.events] == ["code-issued", "record-required"]


def test_a_code_is_superseded_by_the_next_one_even_where_neither_was_published() -> None:
    v = seen(unconfirmed(3), AlreadyVerified(DOMAIN), now=NOW + 3 * LIFETIME).verification
    assert [line.value for line in v.ledger if not line.superseded] == ["code-3"]
    assert values(cleaned(v)) == ["code-3"], "Nexus has seen one, and it can only have been the last"


# Who else needs it


def test_a_new_run_cleans_up_what_an_unproven_one_left() -> None:
    assert again(cancelled(), Cancel()).step is Step.WITHDRAW_RECORD


@pytest.mark.parametrize(
    "observations",
    [
        (),
        (ISSUED,),
        (ISSUED, ROUTED, UNSURE),
        (ISSUED, ROUTED, Published(changed=False)),
        (CodeIssued("code-2", EXPIRY, DOMAIN), ROUTED),
        (CodeIssued("code-2", EXPIRY, DOMAIN), ROUTED, UNSURE),
    ],
    ids=["no code", "the same code", "the same, unsure", "the same, published", "never sent", "unsure"],
)
def test_a_new_run_that_comes_to_nothing_leaves_the_proof_of_the_old_one(
    observations: tuple[Observation, ...],
) -> None:
    v = cleaned(again(verified(), *observations, Cancel()))
    assert values(v) == ["code-1"]
    third = cleaned(again(v, Cancel()))
    assert values(third) == ["code-1"], "and so does the one after that"


def test_the_proof_of_an_old_run_that_was_replaced_goes_with_its_successor() -> None:
    published = again(verified(), CodeIssued("code-2", EXPIRY, DOMAIN), ROUTED, Published())
    assert values(cleaned(seen(published, Cancel()).verification)) == []


def test_the_proof_of_an_old_run_goes_when_the_policy_says_so() -> None:
    old = decide(checking(), Match(()), NOW, IN_A_WEEK).verification
    heir, _ = inherited(replace(requested(), id="v-2"), (), old)
    v = decide(heir, Cancel(), SOON, IN_A_WEEK).verification
    assert (v.wake, withdrawn(v, IN_A_WEEK)) == (SOON + WEEK, "code-1")


def test_a_value_that_is_needed_is_not_removed_by_another_of_its_lines() -> None:
    """The same place may be written by two publishers, as when one was given another name."""
    moved = seen(checking(), Routed("other", DOMAIN, DOMAIN), Published()).verification
    assert [(line.publisher, line.superseded) for line in moved.ledger] == [("corp", True), ("other", False)]
    done = decide(moved, Match(()), SOON, POLICY).verification
    assert (done.step, len(done.ledger), is_left_over(done)) == (None, 2, False)
    later = decide(moved, Match(()), SOON, IN_A_WEEK).verification
    assert later.wake == SOON + WEEK
    assert cleaned(later, IN_A_WEEK).ledger == ()


def test_a_value_at_another_name_is_another_value() -> None:
    elsewhere = replace(checking().ledger[0], name=f"alias.{DOMAIN}", superseded=True)
    v = replace(checking(), ledger=(elsewhere, *checking().ledger))
    assert cleaned(seen(v, Match(())).verification).ledger == checking().ledger


def test_records_of_the_ledger_show_no_value() -> None:
    assert "code-1" not in repr(cancelled())
    assert "code-1" not in repr(Record("corp", DOMAIN, DOMAIN, "code-1"))
    assert State.CANCELLED in repr(cancelled())
