"""The rules of the product that are easy to get wrong, each as it is written down in docs/states.md."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.core.rows import (
    DOMAIN,
    ISSUED,
    KEY,
    LIFETIME,
    NOW,
    POLICY,
    ROUTED,
    SOON,
    blocked_in_publishing,
    cancelled,
    checking,
    parked,
    publishing,
    renewed,
    requested,
    seen,
)
from txtproof.core.decisions import FindRoute, Look, Publish, RequestCode, Withdraw
from txtproof.core.events import TERMINAL_EVENTS, Event
from txtproof.core.machine import decide
from txtproof.core.model import State, Step, Verification
from txtproof.core.observations import (
    Ambiguous,
    Attach,
    Blocked,
    Cancel,
    CodeIssued,
    Match,
    Miss,
    Observation,
    Published,
    Queued,
    Release,
    Resume,
    Unreachable,
    Unseen,
    Withdrawn,
    Woken,
    ZoneSeen,
)
from txtproof.core.policy import Policy
from txtproof.core.reasons import BLIND, MISSES, Reason
from txtproof.core.transitions import inherited
from txtproof.core.values import replace

EXPIRY = NOW + LIFETIME


@pytest.mark.parametrize("reason", sorted(MISSES))
def test_a_miss_never_asks_for_a_new_code(reason: Reason) -> None:
    v = checking()
    for _ in range(50):
        v = decide(v, Miss(reason, "", ()), SOON, POLICY).verification
    assert (v.state, v.generation, v.code) == (State.CHECKING, 1, checking().code)


def test_when_the_code_expires_the_next_generation_is_requested() -> None:
    decision = decide(checking(), Woken(), EXPIRY, POLICY)
    assert decision.verification.state is State.REQUESTED
    assert decision.verification.code is None
    assert decision.verification.reason is Reason.CODE_EXPIRED
    assert renewed().generation == 2


def test_the_old_value_is_swapped_for_the_new_one_in_one_call() -> None:
    again = seen(checking(), Woken(), now=EXPIRY).verification
    second = seen(again, CodeIssued("code-2", EXPIRY + LIFETIME, DOMAIN), ROUTED, now=EXPIRY)
    assert isinstance(second.effect, Publish)
    assert (second.effect.record.value, second.effect.replaces) == ("code-2", ("code-1",))


def test_a_code_that_nexus_gives_again_does_not_replace_itself() -> None:
    again = seen(checking(), Woken(), now=EXPIRY).verification
    same = seen(again, CodeIssued("code-1", EXPIRY + LIFETIME, DOMAIN), ROUTED, now=EXPIRY)
    assert isinstance(same.effect, Publish)
    assert same.effect.replaces == ()
    assert [line.generation for line in same.verification.ledger] == [2]


@pytest.mark.parametrize("late", [timedelta(0), timedelta(milliseconds=1), timedelta(days=1)])
def test_a_match_seen_at_or_after_the_expiry_does_not_count(late: timedelta) -> None:
    just_in_time = EXPIRY - timedelta(milliseconds=1)
    assert decide(checking(), Match(()), EXPIRY + late, POLICY).verification.state is State.REQUESTED
    assert decide(checking(), Match(()), just_in_time, POLICY).verification.state is State.VERIFIED


@pytest.mark.parametrize("before", [publishing, checking])
def test_the_expiry_is_looked_at_before_publishing_and_on_every_look(before: Callable[[], Verification]) -> None:
    for observation in (Woken(), ROUTED, Published()):
        decision = decide(before(), observation, EXPIRY, POLICY)
        assert decision.effect is None
        assert decision.verification.step is Step.REQUEST_CODE


def test_after_an_ambiguous_call_no_other_follows_sooner_than_its_timeout() -> None:
    v = decide(requested(), Ambiguous(Reason.UPSTREAM_AMBIGUOUS), NOW, POLICY).verification
    assert v.wake is not None
    assert v.wake >= NOW + POLICY.call_timeout
    assert decide(v, Woken(), v.wake - timedelta(milliseconds=1), POLICY).effect is None
    assert isinstance(decide(v, Woken(), v.wake, POLICY).effect, RequestCode)


def test_what_the_other_side_asks_for_is_waited_for() -> None:
    answer = Unreachable(Reason.UPSTREAM_UNREACHABLE, "429", timedelta(seconds=90))
    assert decide(requested(), answer, NOW, POLICY).verification.wake == NOW + timedelta(seconds=90)


def test_the_ledger_has_the_record_before_the_provider_is_called() -> None:
    decision = decide(publishing(), ROUTED, SOON, POLICY)
    assert isinstance(decision.effect, Publish)
    assert decision.effect.record in decision.verification.ledger


def test_codes_that_live_for_seconds_do_not_turn_renewal_into_polling() -> None:
    v, now, asked = requested(), NOW, []
    for generation in range(1, 8):
        code = CodeIssued(f"code-{generation}", now + timedelta(seconds=1), DOMAIN)
        v = seen(v, code, now=now).verification
        v = decide(v, Woken(), now + timedelta(seconds=1), POLICY).verification
        assert v.wake is not None
        asked.append((v.wake - now).total_seconds())
        now = v.wake
    assert asked == [1, 2, 4, 8, 16, 32, 64]


def test_a_code_that_had_expired_when_it_came_is_not_published_and_not_asked_for_at_once() -> None:
    decision = decide(requested(), CodeIssued("code-1", NOW - timedelta(seconds=5), DOMAIN), NOW, POLICY)
    v = decision.verification
    assert (v.state, v.reason, v.code) == (State.REQUESTED, Reason.CODE_ALREADY_EXPIRED, None)
    assert v.wake is not None
    assert v.wake >= NOW + timedelta(seconds=60)


@pytest.mark.parametrize("skew", [timedelta(hours=-3), timedelta(minutes=10)])
def test_a_clock_of_nexus_that_is_wrong_does_not_shorten_or_lengthen_a_code(skew: timedelta) -> None:
    answered = NOW + skew
    issued = CodeIssued("code-1", answered + LIFETIME, DOMAIN, answered)
    decision = decide(requested(), issued, NOW, POLICY)
    assert decision.verification.code is not None
    assert decision.verification.code.expires == EXPIRY
    assert decision.events[0].data["clockSkewSeconds"] == skew.total_seconds()


def test_a_missing_expiry_is_assumed_and_the_event_says_so() -> None:
    decision = decide(requested(), CodeIssued("code-1", None, DOMAIN), NOW, POLICY)
    assert decision.verification.code is not None
    assert decision.verification.code.expires == NOW + POLICY.assumed_code_lifetime
    assert decision.events[0].data["expiryAssumed"] is True


@pytest.mark.parametrize("reason", sorted(BLIND))
def test_a_failure_to_see_is_never_a_miss_and_counts_against_nothing(reason: Reason) -> None:
    v = checking()
    for _ in range(100):
        v = decide(v, Unseen(reason, ""), SOON, POLICY).verification
        assert (v.state, v.looks) == (State.CHECKING, 0)
    assert v.wake is not None
    assert v.wake <= SOON + timedelta(minutes=6)


def test_what_must_be_mended_by_a_person_burns_no_retries_and_is_tried_by_the_hour() -> None:
    v = blocked_in_publishing()
    for hour in range(1, 20):
        now = NOW + timedelta(hours=hour)
        assert v.wake == now
        decision = seen(v, Woken(), Blocked(Reason.PUBLISHER_AUTH, "still"), now=now)
        v = decision.verification
        assert (v.state, v.failures, decision.events) == (State.BLOCKED, 0, ())


def test_a_code_that_expires_while_blocked_is_not_replaced_before_the_way_is_free() -> None:
    v = decide(blocked_in_publishing(), Woken(), EXPIRY, POLICY).verification
    assert (v.state, v.code) == (State.BLOCKED, None)
    assert v.wake is not None
    assert isinstance(decide(v, Woken(), v.wake, POLICY).effect, FindRoute)
    free = decide(v, ROUTED, v.wake, POLICY)
    assert (free.verification.state, free.effect) == (State.REQUESTED, None)
    assert [event.kind for event in free.events] == ["resumed"]


def test_resume_brings_it_back_to_where_it_came_from_at_once() -> None:
    decision = decide(blocked_in_publishing(), Resume(), SOON, POLICY)
    assert (decision.verification.state, decision.verification.wake) == (State.PUBLISHING, SOON)
    late = decide(blocked_in_publishing(), Resume(), EXPIRY, POLICY)
    assert (late.verification.state, late.verification.wake) == (State.REQUESTED, EXPIRY)


@pytest.mark.parametrize("before", [requested, publishing, checking, blocked_in_publishing])
def test_the_deadline_ends_it_whatever_it_waits_for(before: Callable[[], Verification]) -> None:
    v = before()
    decision = decide(v, Woken(), v.deadline, POLICY)
    assert decision.verification.state is State.EXPIRED
    assert [event.kind for event in decision.events] == ["expired"]


def test_exactly_one_terminal_event() -> None:
    events: list[Event] = []
    v = checking()
    for observation in (Cancel(), Cancel(), Match(()), Withdrawn(), Attach(), Woken(), Resume(), Withdrawn()):
        decision = decide(v, observation, SOON, POLICY)
        v, events = decision.verification, [*events, *decision.events]
    assert [event.kind for event in events if event.kind in TERMINAL_EVENTS] == ["cancelled"]


def test_the_record_is_ensured_anew_after_every_eighth_miss() -> None:
    v, effects = checking(), []
    for _ in range(17):
        assert v.wake is not None
        effects.append(type(decide(v, Woken(), v.wake, POLICY).effect))
        v = decide(v, Miss(Reason.NO_TXT, "", ()), v.wake, POLICY).verification
    assert [place for place, effect in enumerate(effects) if effect is FindRoute] == [8, 16]
    assert set(effects) == {FindRoute, Look}


HOUR = timedelta(hours=1)
FOUND = Miss(Reason.NO_SUCH_NAME, "NXDOMAIN", (), zone=ZoneSeen(DOMAIN, HOUR))


def looked_in(v: Verification, now: datetime) -> str | None:
    """Return the zone that a look at that time is told of."""
    effect = decide(replace(v, wake=now), Woken(), now, POLICY).effect
    assert isinstance(effect, Look)
    return effect.zone


def test_the_zone_that_a_look_found_is_told_to_the_next_ones_for_as_long_as_it_holds() -> None:
    assert looked_in(checking(), NOW) is None
    v = decide(checking(), FOUND, NOW, POLICY).verification
    again = decide(v, Miss(Reason.NO_TXT, "", ()), NOW + HOUR / 2, POLICY).verification
    for told in (v, again):
        assert looked_in(told, NOW + HOUR - timedelta(milliseconds=1)) == DOMAIN
        assert looked_in(told, NOW + HOUR) is None


def test_the_zone_that_a_later_look_found_takes_the_place_of_the_one_before() -> None:
    v = decide(checking(), FOUND, NOW, POLICY).verification
    v = decide(v, replace(FOUND, zone=ZoneSeen("test", HOUR)), NOW + HOUR, POLICY).verification
    assert looked_in(v, NOW + HOUR) == "test"


@pytest.mark.parametrize(
    ("home", "zone"),
    [("test", "test"), (DOMAIN, DOMAIN), ("", None), (None, None), (f"a.{DOMAIN}", None), ("ample.test", None)],
)
def test_the_first_look_knows_the_zone_that_was_found_before_the_record_was_written(
    home: str | None, zone: str | None
) -> None:
    v = seen(publishing(), replace(ROUTED, home=home), Published()).verification
    assert looked_in(v, SOON) == zone
    assert looked_in(v, NOW + HOUR) is None


def test_what_a_look_has_found_is_not_replaced_by_what_a_repair_finds() -> None:
    v = decide(checking(), FOUND, NOW, POLICY).verification
    repaired = seen(v, replace(ROUTED, home="test"), Published()).verification
    assert (repaired.zone, repaired.zone_until) == (v.zone, v.zone_until)


@pytest.mark.parametrize("zone", [None, ZoneSeen(DOMAIN, HOUR)])
def test_the_zone_is_forgotten_when_nothing_could_be_seen(zone: ZoneSeen | None) -> None:
    v = decide(checking(), FOUND, NOW, POLICY).verification
    v = decide(v, Unseen(Reason.TIMEOUT, "", zone=zone), NOW, POLICY).verification
    assert (v.zone, v.zone_until) == (None, None)
    assert looked_in(v, NOW) is None


def test_a_new_code_is_looked_for_without_the_zone_of_the_one_before() -> None:
    found = replace(FOUND, zone=ZoneSeen(DOMAIN, LIFETIME * 9))
    v = decide(checking(), found, NOW, POLICY).verification
    for observation in (Woken(), CodeIssued("code-2", EXPIRY + LIFETIME, DOMAIN)):
        stale = replace(v, zone=DOMAIN, zone_until=EXPIRY + LIFETIME)
        v = decide(stale, observation, EXPIRY, POLICY).verification
        assert (v.zone, v.zone_until) == (None, None)


def test_a_new_run_knows_what_the_old_one_wrote_and_its_events_go_on_counting() -> None:
    old = seen(checking(), Match(())).verification
    heir, events = inherited(replace(requested(), id="v-2"), (), old)
    assert events == ()
    assert heir.sequence == requested().sequence + old.sequence
    assert [(line.value, line.generation, line.superseded) for line in heir.ledger] == [("code-1", 0, False)]
    second = seen(heir, CodeIssued("code-2", EXPIRY, DOMAIN), ROUTED)
    assert isinstance(second.effect, Publish)
    assert second.effect.replaces == ("code-1",)


def test_the_longer_deadline_wins_within_thirty_days() -> None:
    v = requested()
    assert decide(v, Attach(NOW + timedelta(days=1)), NOW, POLICY).verification.deadline == v.deadline
    assert decide(v, Attach(NOW + timedelta(days=20)), NOW, POLICY).verification.deadline == NOW + timedelta(days=20)
    assert decide(v, Attach(NOW + timedelta(days=90)), NOW, POLICY).verification.deadline == NOW + timedelta(days=30)
    assert decide(v, Attach(), NOW, POLICY).verification.deadline == v.deadline


def test_the_first_look_a_change_of_reason_and_a_day_are_told_and_nothing_else() -> None:
    v, told = checking(), []
    reasons = [Reason.NO_TXT] * 3 + [Reason.OLD_CODE] * 2
    for reason in reasons:
        decision = decide(v, Miss(reason, "", ()), SOON, POLICY)
        v = decision.verification
        told.append(len(decision.events))
    assert told == [1, 0, 0, 1, 0]
    long = replace(v, code=replace(v.code, expires=NOW + timedelta(days=6)) if v.code else None)
    assert len(decide(long, Miss(Reason.OLD_CODE, "", ()), SOON + timedelta(days=1), POLICY).events) == 1


def test_a_domain_whose_record_name_is_too_long_fails_in_words() -> None:
    domain = ".".join(["a" * 60] * 4)
    policy = Policy(record_name="_nexus-challenge.{domain}")
    v = seen(requested(domain), CodeIssued("code-1", EXPIRY, domain), policy=policy).verification
    assert (v.state, v.reason) == (State.FAILED, Reason.BAD_DOMAIN)


def test_neither_a_name_from_the_command_nor_from_nexus_fails_in_words() -> None:
    v = seen(requested(None), CodeIssued("code-1", EXPIRY, None)).verification
    assert (v.state, v.reason) == (State.FAILED, Reason.NO_DOMAIN)
    assert v.key == KEY


def test_the_name_that_nexus_gives_is_taken_where_the_command_has_none() -> None:
    assert seen(requested(None), ISSUED).verification.domain == DOMAIN


@pytest.mark.parametrize("before", [requested, publishing, cancelled])
def test_a_place_in_the_line_is_kept_until_the_call_is_made(before: Callable[[], Verification]) -> None:
    turn = NOW + timedelta(seconds=30)
    v = decide(before(), Queued(turn), NOW, POLICY).verification
    assert (v.turn, v.wake, v.failures) == (turn, turn, 0)
    effect = decide(v, ROUTED if v.step is Step.PUBLISH_RECORD else Woken(), turn, POLICY).effect
    assert isinstance(effect, RequestCode | Publish | Withdraw)
    assert effect.turn == turn
    answered = decide(v, Unreachable(Reason.UPSTREAM_UNREACHABLE, "503"), turn, POLICY).verification
    assert answered.turn is None, "another call takes a place of its own"


@pytest.mark.parametrize("command", [Resume(), Release()])
@pytest.mark.parametrize("before", [requested, publishing, checking])
def test_who_is_not_blocked_is_not_changed_by_a_resume_even_with_an_expired_code(
    before: Callable[[], Verification], command: Observation
) -> None:
    v = before()
    assert decide(v, command, EXPIRY, POLICY).verification == v


def test_what_is_parked_sleeps_until_its_deadline_and_costs_its_code_nothing() -> None:
    v = parked()
    assert v.code is not None
    assert v.wake == v.code.expires
    without_code = decide(v, Woken(), v.code.expires, POLICY)
    assert (without_code.effect, without_code.verification.wake) == (None, v.deadline)
    assert decide(without_code.verification, Woken(), v.deadline, POLICY).verification.state is State.EXPIRED
