"""A look on command: at once, at most once a minute, and beside the curve."""

from datetime import timedelta

import pytest

from tests.core.rows import (
    NOW,
    OBSERVATIONS,
    POLICY,
    blocked_in_publishing,
    cancelled,
    checking,
    parked,
    publishing,
    requested,
    seen,
)
from txtproof.core.commanded import APART, why_not_now
from txtproof.core.decisions import Look
from txtproof.core.machine import decide
from txtproof.core.model import State, Verification
from txtproof.core.observations import CheckNow, Match, Miss, Poisoned, Unseen, Woken
from txtproof.core.reasons import Reason

MISS = Miss(Reason.NO_SUCH_NAME, "NXDOMAIN", ())
BLIND = Unseen(Reason.TIMEOUT, "nobody answers")
SECOND = timedelta(seconds=1)


def pending(misses: int = 12) -> Verification:
    """One that has been looked at some times, and not found."""
    v = checking()
    for _ in range(misses):
        v = decide(v, MISS, NOW, POLICY).verification
    return v


def test_a_command_brings_a_look_at_once() -> None:
    asked = decide(pending(), CheckNow(), NOW + SECOND, POLICY)
    assert asked.effect is None, "the visit that hears it goes on to its work"
    assert isinstance(decide(asked.verification, Woken(), NOW + SECOND, POLICY).effect, Look)


@pytest.mark.parametrize("sight", [MISS, BLIND, Miss(Reason.STALE_SERVER, "ns2", (), timedelta(seconds=9))])
def test_whatever_it_shows_the_curve_stands_where_it_stood(sight: Miss | Unseen) -> None:
    before = decide(pending(), BLIND, NOW, POLICY).verification
    v = seen(before, CheckNow(), Woken(), sight, now=NOW + SECOND).verification
    assert (v.wake, v.looks, v.failures, v.planned) == (before.wake, before.looks, before.failures, None)
    assert v.detail == sight.detail, "what it shows is told all the same"


def test_a_match_on_command_is_a_match() -> None:
    v = seen(pending(), CheckNow(), Woken(), Match(()), now=NOW + SECOND).verification
    assert (v.state, v.planned) == (State.VERIFIED, None)


def test_within_a_minute_a_second_command_changes_nothing() -> None:
    once = seen(pending(), CheckNow(), Woken(), MISS, now=NOW).verification
    for passed in (timedelta(0), SECOND, APART - timedelta(milliseconds=1)):
        assert decide(once, CheckNow(), NOW + passed, POLICY).verification == once
    again = decide(once, CheckNow(), NOW + APART, POLICY).verification
    assert again.wake == NOW + APART


def test_it_says_in_how_many_seconds_the_next_may_come() -> None:
    once = decide(pending(), CheckNow(), NOW, POLICY).verification
    refusal = why_not_now(once, NOW + timedelta(seconds=18.5))
    assert refusal is not None
    assert (refusal.reason, refusal.detail) == ("rate_limited", "rate limited, again in 42 s")
    assert why_not_now(once, NOW + APART) is None


def test_a_look_that_is_due_anyway_is_the_one_and_counts() -> None:
    before = pending()
    assert before.wake is not None
    v = seen(before, CheckNow(), Woken(), MISS, now=before.wake).verification
    assert v.looks == before.looks + 1


def test_a_visit_that_died_in_the_look_is_made_good_and_the_plan_is_kept() -> None:
    before = pending()
    asked = seen(before, CheckNow(), Woken(), now=NOW + SECOND).verification
    later = seen(asked, Woken(), MISS, now=NOW + 30 * SECOND).verification
    assert (later.wake, later.looks) == (before.wake, before.looks)


def test_it_does_not_have_the_record_ensured_anew() -> None:
    v = pending(8)
    assert isinstance(seen(v, CheckNow(), Woken(), now=NOW + SECOND).effect, Look)
    assert not isinstance(decide(v, Woken(), v.wake or NOW, POLICY).effect, Look)


@pytest.mark.parametrize("before", [requested, publishing, blocked_in_publishing, parked, cancelled])
def test_where_nothing_is_looked_for_it_changes_nothing_and_says_why(before: type) -> None:
    v: Verification = before()
    assert decide(v, CheckNow(), NOW, POLICY).verification == v
    refusal = why_not_now(v, NOW)
    assert refusal is not None
    assert refusal.detail == f"42/7 is {v.state}: looks begin once its record is published"


@pytest.mark.parametrize("observation", OBSERVATIONS, ids=lambda one: type(one).__name__)
def test_a_plan_is_kept_in_checking_only(observation: object) -> None:
    asked = decide(pending(), CheckNow(), NOW + SECOND, POLICY).verification
    after = decide(asked, observation, NOW + SECOND, POLICY).verification  # type: ignore[arg-type]  # one of them
    assert after.planned is None or after.state is State.CHECKING


def test_a_row_that_is_parked_during_a_look_on_command_sleeps() -> None:
    asked = decide(pending(), CheckNow(), NOW + SECOND, POLICY).verification
    v = decide(asked, Poisoned(6), NOW + SECOND, POLICY).verification
    assert v.code is not None
    assert v.wake == min(v.deadline, v.code.expires)
