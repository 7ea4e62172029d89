"""State x observation: what a verification becomes, what is done next, what is told."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.core.rows import (
    BY_HAND,
    EVERY,
    ISSUED,
    OBSERVATIONS,
    POLICY,
    REFUSED,
    ROUTED,
    SOON,
    STATES,
    blocked_in_publishing,
    blocked_in_requested,
    by_hand,
    cancelled,
    checking,
    expired,
    failed,
    parked,
    publishing,
    renewed,
    requested,
    seen,
    verified,
)
from txtproof.core.decisions import FindRoute, Look, Publish, RequestCode, Withdraw
from txtproof.core.machine import decide
from txtproof.core.model import State, Verification
from txtproof.core.observations import (
    AlreadyVerified,
    Ambiguous,
    Attach,
    Blocked,
    Cancel,
    CheckNow,
    CodeIssued,
    Left,
    Match,
    Miss,
    Observation,
    Poisoned,
    Published,
    Queued,
    Rejected,
    Release,
    Required,
    Resume,
    Unreachable,
    Unseen,
    Withdrawn,
    Woken,
)
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

LATER = Unreachable(Reason.UPSTREAM_UNREACHABLE, "503")
UNSURE = Ambiguous(Reason.UPSTREAM_AMBIGUOUS, "no answer")
NO_ROUTE = Blocked(Reason.NO_ROUTE, "no zone")
MISS = Miss(Reason.NO_SUCH_NAME, "NXDOMAIN", ())
BLIND = Unseen(Reason.TIMEOUT, "nobody answers")

IN_LINE = Queued(SOON + timedelta(seconds=30))

R, P, C, B = State.REQUESTED, State.PUBLISHING, State.CHECKING, State.BLOCKED
V, F, X = State.VERIFIED, State.FAILED, State.CANCELLED

Builder = Callable[[], Verification]


def publishing_by_hand() -> Verification:
    """One of which somebody is about to be told."""
    return seen(publishing(), BY_HAND).verification


TABLE: list[tuple[Builder, Observation, State, type | None, list[str]]] = [
    # a code is waited for
    (requested, ISSUED, P, None, ["code-issued"]),
    (requested, CodeIssued("c", None, None, None), P, None, ["code-issued"]),
    (requested, CodeIssued("c", None, "other.test", None), F, None, ["failed"]),
    (requested, AlreadyVerified(None), V, None, ["verified"]),
    (requested, AlreadyVerified("other.test"), F, None, ["failed"]),
    (requested, Rejected(Reason.UPSTREAM_CONTRACT), F, None, ["failed"]),
    (requested, Blocked(Reason.UPSTREAM_AUTH), B, None, ["blocked"]),
    (requested, LATER, R, None, []),
    (requested, UNSURE, R, None, []),
    (requested, Cancel(), X, None, ["cancelled"]),
    (requested, Attach(), R, None, ["accepted"]),
    (requested, CheckNow(), R, None, []),
    (requested, Resume(), R, None, []),
    (requested, Poisoned(6), B, None, ["blocked"]),
    (requested, IN_LINE, R, None, []),
    (requested, Match(()), R, None, []),
    (requested, Published(), R, None, []),
    (requested, Withdrawn(), R, None, []),
    # the provider is to take the record
    (publishing, ROUTED, P, Publish, []),
    (publishing, BY_HAND, P, Publish, []),
    (publishing, Required(), P, None, []),
    (publishing_by_hand, Required(), C, None, ["record-required"]),
    (publishing_by_hand, Published(), C, None, ["record-published"]),
    (publishing, NO_ROUTE, B, None, ["blocked"]),
    (publishing, REFUSED, B, None, ["blocked"]),
    (publishing, LATER, P, None, []),
    (publishing, UNSURE, P, None, []),
    (publishing, Cancel(), X, None, ["cancelled"]),
    (publishing, CheckNow(), P, None, []),
    (publishing, Attach(), P, None, ["accepted"]),
    (publishing, Poisoned(6), B, None, ["blocked"]),
    (publishing, IN_LINE, P, None, []),
    (publishing, ISSUED, P, None, []),
    (publishing, Match(()), P, None, []),
    # the name servers are to serve it
    (checking, Match(()), V, None, ["verified"]),
    (checking, MISS, C, None, ["checked"]),
    (checking, BLIND, C, None, ["checked"]),
    (checking, ROUTED, C, Publish, []),
    (checking, Published(), C, Look, []),
    (checking, REFUSED, C, Look, []),
    (checking, LATER, C, Look, []),
    (checking, UNSURE, C, Look, []),
    (checking, Cancel(), X, None, ["cancelled"]),
    (checking, CheckNow(), C, None, []),
    (checking, Poisoned(6), B, None, ["blocked"]),
    (checking, IN_LINE, C, Look, []),
    (checking, ISSUED, C, None, []),
    (renewed, Match(()), V, None, ["verified"]),
    # somebody has to write it
    (by_hand, Match(()), V, None, ["verified"]),
    (by_hand, MISS, C, None, ["checked"]),
    (by_hand, BY_HAND, C, Publish, []),
    (by_hand, Required(), C, Look, []),
    (by_hand, Published(), C, Look, []),
    (by_hand, ROUTED, C, Publish, []),
    (by_hand, CheckNow(), C, None, []),
    (by_hand, Cancel(), X, None, ["cancelled"]),
    (by_hand, Left(), C, None, []),
    # a person is waited for
    (blocked_in_requested, ISSUED, P, None, ["resumed", "code-issued"]),
    (blocked_in_requested, AlreadyVerified(None), V, None, ["verified"]),
    (blocked_in_requested, Blocked(Reason.UPSTREAM_AUTH), B, None, []),
    (blocked_in_requested, Blocked(Reason.UPSTREAM_FORBIDDEN), B, None, ["blocked"]),
    (blocked_in_requested, LATER, B, None, []),
    (blocked_in_requested, UNSURE, B, None, []),
    (blocked_in_requested, Resume(), R, None, ["resumed"]),
    (blocked_in_requested, Release(), B, None, []),
    (blocked_in_requested, IN_LINE, B, None, []),
    (blocked_in_requested, Cancel(), X, None, ["cancelled"]),
    (blocked_in_publishing, ROUTED, B, Publish, []),
    (blocked_in_publishing, REFUSED, B, None, []),
    (blocked_in_publishing, NO_ROUTE, B, None, ["blocked"]),
    (blocked_in_publishing, CheckNow(), B, None, []),
    (blocked_in_publishing, Resume(), P, None, ["resumed"]),
    (parked, Match(()), V, None, ["verified"]),
    (parked, MISS, C, None, ["resumed", "checked"]),
    (parked, CheckNow(), B, None, []),
    (parked, Resume(), B, None, []),
    (parked, Release(), C, None, ["resumed"]),
    (parked, Cancel(), X, None, ["cancelled"]),
    # it has ended
    (cancelled, Withdrawn(), X, None, ["record-removed"]),
    (cancelled, Left(), X, None, []),
    (cancelled, REFUSED, X, None, []),
    (cancelled, LATER, X, None, []),
    (cancelled, IN_LINE, X, None, []),
    (cancelled, Match(()), X, None, []),
    (verified, Cancel(), V, None, []),
    (verified, CheckNow(), V, None, []),
    (verified, Attach(), V, None, []),
    (failed, ISSUED, F, None, []),
    (expired, Match(()), State.EXPIRED, None, []),
]


@pytest.mark.parametrize(("before", "observation", "state", "effect", "events"), TABLE)
def test_each_observation_has_its_meaning_in_each_state(
    before: Builder, observation: Observation, state: State, effect: type | None, events: list[str]
) -> None:
    decision = decide(before(), observation, SOON, POLICY)
    assert decision.verification.state is state
    assert type(decision.effect) is (effect or type(None))
    assert [event.kind for event in decision.events] == events


@pytest.mark.parametrize(
    ("before", "effect"),
    [
        (requested, RequestCode),
        (publishing, FindRoute),
        (checking, Look),
        (blocked_in_requested, RequestCode),
        (blocked_in_publishing, FindRoute),
        (parked, type(None)),
        (cancelled, Withdraw),
        (verified, type(None)),
        (failed, type(None)),
    ],
)
def test_waking_when_it_is_due_begins_the_work_of_the_step(before: Builder, effect: type) -> None:
    v = before()
    decision = decide(v, Woken(), v.wake or SOON, POLICY)
    assert type(decision.effect) is effect


@pytest.mark.parametrize("before", EVERY)
def test_waking_before_it_is_due_changes_nothing(before: Builder) -> None:
    v = before()
    if v.wake is not None:
        v = replace(v, wake=SOON + timedelta(seconds=1))
    assert decide(v, Woken(), SOON, POLICY).verification == v
    assert decide(v, Woken(), SOON, POLICY).effect is None


@pytest.mark.parametrize("before", EVERY)
@pytest.mark.parametrize("observation", OBSERVATIONS, ids=lambda one: type(one).__name__)
def test_every_state_answers_every_observation(before: Builder, observation: Observation) -> None:
    v = before()
    assert v.state is STATES[before]
    decision = decide(v, observation, SOON, POLICY)
    after = decision.verification
    assert [event.sequence for event in decision.events] == list(range(v.sequence + 1, after.sequence + 1))
    assert (after.step is None) == (after.wake is None)
    if v.state.terminal:
        assert after.state is v.state
