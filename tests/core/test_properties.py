"""What holds for every verification, every observation and every instant."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.core.rows import EVERY, LIFETIME, NOW, OBSERVATIONS, POLICY
from txtproof.core.decisions import Decision, Publish
from txtproof.core.events import TERMINAL_EVENTS, EventKind
from txtproof.core.machine import decide
from txtproof.core.model import State, Verification
from txtproof.core.observations import Miss, Observation, Unseen
from txtproof.core.policy import Policy
from txtproof.core.transitions import STATE_OF
from txtproof.core.values import replace

rows = st.sampled_from(EVERY).map(lambda build: build())
observations = st.sampled_from(OBSERVATIONS)
instants = st.one_of(
    st.timedeltas(timedelta(0), timedelta(days=40)),
    st.sampled_from([timedelta(0), LIFETIME, 2 * LIFETIME, timedelta(days=7), timedelta(days=37)]),
).map(lambda passed: NOW + passed)
policies = st.sampled_from(
    [POLICY, Policy(records="withdraw"), Policy(record_name="_x.{domain}", record_value="v={code}")]
)


@given(rows, observations, instants, policies)
def test_decide_is_total_and_keeps_its_books(v: Verification, seen: Observation, now: datetime, policy: Policy) -> None:
    decision = decide(v, seen, now, policy)
    after = decision.verification
    assert after.sequence == v.sequence + len(decision.events)
    assert [event.sequence for event in decision.events] == list(range(v.sequence + 1, after.sequence + 1))
    assert (after.id, after.key, after.accepted) == (v.id, v.key, v.accepted)
    assert len(after.history) <= 20
    assert after.history[0] == v.history[0]


@given(rows, observations, instants, policies)
def test_terminal_is_forever(v: Verification, seen: Observation, now: datetime, policy: Policy) -> None:
    after = decide(v, seen, now, policy).verification
    if v.state.terminal:
        assert (after.state, after.reason) == (v.state, v.reason)


@given(rows, instants, policies, st.sampled_from([one for one in OBSERVATIONS if isinstance(one, Unseen)]))
def test_a_failure_to_see_is_never_a_miss(v: Verification, now: datetime, policy: Policy, seen: Unseen) -> None:
    after = decide(v, seen, now, policy).verification
    assert after.looks <= v.looks
    assert after.state is not State.FAILED or v.state is State.FAILED


@given(rows, instants, st.sampled_from([one for one in OBSERVATIONS if isinstance(one, Miss)]))
def test_a_miss_never_ends_it(v: Verification, now: datetime, seen: Miss) -> None:
    after = decide(v, seen, now, POLICY).verification
    assert after.state in (v.state, State.REQUESTED, State.CHECKING, State.EXPIRED)


@given(rows, st.lists(observations, max_size=6), instants, policies)
def test_what_goes_on_is_woken_in_time(v: Verification, seen: list[Observation], now: datetime, policy: Policy) -> None:
    decision = Decision(v)
    for observation in seen:
        decision = decide(decision.verification, observation, now, policy)
    after = decision.verification
    assert (after.step is None) == (after.wake is None)
    if after.state.terminal or decision.effect is not None or not seen:
        return
    assert after.step is not None
    assert after.wake is not None
    assert after.wake <= after.deadline
    assert after.code is None or after.wake <= after.code.expires
    assert after.state is State.BLOCKED or STATE_OF[after.step] is after.state


@given(rows, st.lists(st.tuples(observations, instants), max_size=12), policies)
def test_at_most_one_terminal_event_and_nothing_secret_is_ever_told(
    v: Verification,
    seen: list[tuple[Observation, datetime]],
    policy: Policy,
) -> None:
    terminal = int(v.state.terminal)
    for observation, now in sorted(seen, key=lambda pair: pair[1]):
        decision = decide(v, observation, now, policy)
        v = decision.verification
        terminal += sum(event.kind in TERMINAL_EVENTS for event in decision.events)
        assert "code-" not in repr(decision).replace("code-issued", "")
        for event in decision.events:
            told = dict(event.data)
            if event.kind is EventKind.RECORD_REQUIRED:
                assert told.pop("value") == v.ledger[-1].value
            assert "code-" not in str(told)
        if isinstance(decision.effect, Publish):
            assert decision.effect.record in v.ledger
            assert decision.effect.record.value not in decision.effect.replaces
    assert terminal <= 1
    assert (terminal == 1) == v.state.terminal


@given(rows, observations, instants)
def test_the_same_question_has_the_same_answer(v: Verification, seen: Observation, now: datetime) -> None:
    assert decide(v, seen, now, POLICY) == decide(replace(v), seen, now, POLICY)
