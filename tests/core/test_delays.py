"""How long publishers take: what a match teaches, and what is made of it."""

from datetime import datetime, timedelta

import pytest

from tests.core.rows import LIFETIME, NOW, POLICY, ROUTED, SOON, checking, parked, publishing, renewed, requested, seen
from txtproof.core.delays import COARSE, ENOUGH, LONGEST_STEP, Delays, learned, published, served
from txtproof.core.machine import decide
from txtproof.core.model import Verification
from txtproof.core.observations import Match, Miss, Published, Release, Unreachable, Unseen
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

MISS = Miss(Reason.NO_SUCH_NAME, "NXDOMAIN", ())


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def missed(*at: float) -> Verification:
    v = checking()
    for one in at:
        v = decide(v, MISS, NOW + s(one), POLICY).verification
    return v


def test_a_match_teaches_what_lies_half_way_between_the_last_miss_and_it() -> None:
    decision = decide(missed(0, 2, 6), Match(()), NOW + s(12), POLICY)
    assert decision.served is not None
    assert (decision.served.publisher, decision.served.after) == ("corp", s(9))


@pytest.mark.parametrize("late", [0, 30])
def test_a_first_look_that_matches_teaches_that_it_takes_no_time(late: float) -> None:
    decision = decide(checking(), Match(()), NOW + s(late), POLICY)
    assert decision.served is not None
    assert decision.served.after == s(0)


def test_nothing_is_learned_where_nobody_looked_in_time() -> None:
    hour = s(3600)
    assert served(missed(0), NOW + COARSE) is not None
    assert served(missed(0), NOW + hour) is None
    assert served(missed(0, 3000), NOW + hour) is not None


def test_a_cache_that_lags_says_nothing_of_the_publisher() -> None:
    cached = Miss(Reason.NEGATIVE_CACHE, "9.9.9.9", (), changes_in=s(30))
    v = seen(missed(0, 2), cached, now=NOW + s(6)).verification
    assert v.missed == NOW + s(2)


def test_what_could_not_be_seen_is_no_miss_and_narrows_nothing() -> None:
    v = decide(missed(0, 2), Unseen(Reason.TIMEOUT, ""), NOW + s(6), POLICY).verification
    assert v.missed == NOW + s(2)


@pytest.mark.parametrize(
    ("v", "since"),
    [
        (checking(), NOW),
        (renewed(), NOW + LIFETIME),
        (parked(), NOW),
        (seen(parked(), Release(), now=SOON).verification, NOW),
        (requested(), None),
        (publishing(), None),
    ],
    ids=["checking", "renewed", "parked", "released", "requested", "publishing"],
)
def test_a_record_is_published_since_the_provider_took_it(v: Verification, since: datetime | None) -> None:
    assert published(v) == since


def test_with_a_new_record_the_misses_of_the_old_one_are_forgotten() -> None:
    assert missed(0).missed == NOW
    assert renewed().missed is None


def test_median_and_p95_are_of_what_was_seen() -> None:
    known = learned([s(one) for one in range(20, 0, -1)])
    assert (known.publications, known.median, known.p95) == (20, s(10), s(19))


def test_too_few_publications_say_nothing_of_when_to_look() -> None:
    assert learned([s(30)] * (ENOUGH - 1)).steps == ()
    assert learned([s(30)] * ENOUGH).steps == (s(30.5),)


def test_what_the_first_look_finds_says_nothing_of_when_to_look_after_it_has_missed() -> None:
    rare = learned([s(0)] * 57 + [s(1800)] * (ENOUGH - 1))
    assert rare.pause(s(0), curve=s(2)) == s(2)
    often = learned([s(0)] * 40 + [s(30)] * 20)
    assert (often.median, often.pause(s(0), curve=s(2))) == (s(0), s(30.5))


def test_the_next_look_comes_at_the_next_learned_instant() -> None:
    known = Delays(64, s(30), s(40), (s(20), s(30), s(40)))
    assert known.pause(s(0), curve=s(2)) == s(20)
    assert known.pause(s(20), curve=s(4)) == s(10)
    assert known.pause(s(29.5), curve=s(4)) == s(10.5), "an instant that is all but here is here"
    assert known.pause(s(40), curve=s(7)) == s(7), "after the last one the curve goes on"


def test_one_that_took_long_does_not_slow_down_the_curve() -> None:
    known = learned([s(30)] * 63 + [s(1800)])
    assert known.pause(s(30.5), curve=s(7)) == s(7)
    assert known.pause(s(1790), curve=s(90)) == s(10.5)


def test_between_learned_instants_nobody_waits_longer_than_a_minute_or_the_curve() -> None:
    known = Delays(64, s(3000), s(3000), (s(3000),))
    assert known.pause(s(0), curve=s(2)) == LONGEST_STEP
    assert known.pause(s(1000), curve=s(90)) == s(90)


def test_a_miss_looks_again_by_what_is_known_of_its_own_publisher() -> None:
    known = learned([s(30)] * 20)
    v = decide(checking(), MISS, NOW, Policy(delays={"corp": known})).verification
    assert v.wake == NOW + s(30.5)
    other = decide(checking(), MISS, NOW, Policy(delays={"other": known})).verification
    assert other.wake == missed(0).wake


def test_a_server_that_says_when_its_answer_changes_is_believed_before_all() -> None:
    stale = replace(MISS, changes_in=s(9))
    v = decide(checking(), stale, NOW, Policy(delays={"corp": learned([s(30)] * 20)})).verification
    assert v.wake == NOW + s(9)


def test_guesses_close_in_on_what_the_publisher_takes() -> None:
    known: list[timedelta] = []
    for _ in range(40):
        v, policy = checking(), Policy(delays={"corp": learned(known)} if known else {})
        while v.wake is not None and v.wake < NOW + s(31):
            v = decide(v, MISS, v.wake, policy).verification
        assert v.wake is not None
        decision = decide(v, Match(()), v.wake, policy)
        assert decision.served is not None
        known.append(decision.served.after)
    assert abs(known[-1] - s(31)) < s(2)
    assert abs(known[0] - s(31)) > s(2)


def test_a_repair_that_fails_teaches_nothing_of_the_publisher() -> None:
    v = seen(missed(0), ROUTED, Unreachable(Reason.PUBLISHER_UNREACHABLE), Published(changed=False), now=SOON)
    assert v.served is None
    assert published(v.verification) == NOW
