"""Which reason a miss is told by."""

from datetime import datetime, timedelta

import pytest

from tests.core.rows import NOW, checking, seen
from txtproof.core.decisions import Look
from txtproof.core.events import EventKind
from txtproof.core.evidence import MATCH, ServerView
from txtproof.core.model import Verification
from txtproof.core.observations import CheckNow, Miss, Woken
from txtproof.core.reasons import Reason
from txtproof.core.values import replace
from txtproof.core.wording import BATCH, SEARCH_AFTER, SEARCH_EVERY

SECOND = timedelta(seconds=1)
EMPTY = (Reason.NO_SUCH_NAME, Reason.NO_TXT, Reason.OTHER_VALUE)
FOUND = (Reason.DOUBLED_NAME, Reason.WRONG_NAME, Reason.WILDCARD_CNAME, Reason.UNSTEADY_ANSWERS)


def miss(reason: Reason, detail: str = "seen") -> Miss:
    return Miss(reason, detail, ())


def after(looks: int, *misses: Miss, now: datetime = NOW + BATCH) -> Verification:
    return seen(replace(checking(), looks=looks), *misses, now=now).verification


@pytest.mark.parametrize("reason", EMPTY)
def test_what_the_provider_has_just_taken_is_not_yet_served(reason: Reason) -> None:
    v = after(0, miss(reason, "where"), now=NOW + BATCH - timedelta(seconds=1))
    assert (v.reason, v.detail) == (Reason.NOT_YET_SERVED, "where")


@pytest.mark.parametrize("reason", EMPTY)
def test_what_is_not_served_after_the_longest_batch_is_called_by_its_name(reason: Reason) -> None:
    assert after(0, miss(reason)).reason is reason


@pytest.mark.parametrize("reason", [Reason.OLD_CODE, Reason.STALE_SERVER, Reason.ALTERED_VALUE, Reason.CNAME])
def test_what_says_more_than_that_nothing_is_there_is_told_at_once(reason: Reason) -> None:
    assert after(0, miss(reason), now=NOW).reason is reason


@pytest.mark.parametrize("reason", FOUND)
@pytest.mark.parametrize("plain", [*EMPTY, Reason.CNAME])
def test_what_a_thorough_look_has_found_stands_until_the_next_one(reason: Reason, plain: Reason) -> None:
    found = after(SEARCH_EVERY - 1, miss(reason, "at d.test"))
    kept = [found]
    for _ in range(SEARCH_EVERY - 1):
        kept.append(seen(kept[-1], miss(plain), now=NOW + BATCH).verification)
    assert {(one.reason, one.detail) for one in kept} == {(reason, "at d.test")}
    assert seen(kept[-1], miss(plain), now=NOW + BATCH).verification.reason is plain


def test_what_says_more_than_a_thorough_look_found_takes_its_place() -> None:
    v = after(SEARCH_EVERY - 1, miss(Reason.DOUBLED_NAME), miss(Reason.ALTERED_VALUE))
    assert v.reason is Reason.ALTERED_VALUE


@pytest.mark.parametrize(("passed", "thorough"), [(SEARCH_AFTER, [7, 15, 23]), (SEARCH_AFTER - SECOND, [])])
def test_every_eighth_look_is_thorough_once_the_provider_has_had_its_time(
    passed: timedelta, thorough: list[int]
) -> None:
    looks = [seen(replace(checking(), looks=looks), Woken(), now=NOW + passed).effect for looks in range(24)]
    assert [place for place, one in enumerate(looks) if isinstance(one, Look) and one.thorough] == thorough


def test_a_look_on_command_is_thorough() -> None:
    waiting = replace(checking(), looks=2, wake=NOW + SECOND)
    effect = seen(waiting, CheckNow(), Woken(), now=NOW).effect
    assert isinstance(effect, Look)
    assert effect.thorough


def test_a_change_of_words_is_told() -> None:
    told = seen(checking(), miss(Reason.NO_SUCH_NAME), now=NOW)
    assert EventKind.CHECKED in [one.kind for one in told.events]
    late = seen(told.verification, miss(Reason.NO_SUCH_NAME), now=NOW + BATCH)
    assert [one.data["reason"] for one in late.events] == [Reason.NO_SUCH_NAME]


def view(address: str, outcome: str) -> ServerView:
    return ServerView("ns.test", address, outcome)


def stale() -> Verification:
    servers = (view("192.0.2.1", "match"), view("192.0.2.2", "no_txt"), view("192.0.2.3", "no_txt"))
    return seen(checking(), Miss(Reason.STALE_SERVER, "192.0.2.2 and .3", servers)).verification


def test_a_server_that_was_behind_is_asked_first_and_stays_behind_by_its_own_word() -> None:
    v = stale()
    look = seen(v, Woken(), now=v.wake or NOW).effect
    assert isinstance(look, Look)
    assert look.first == "192.0.2.2"
    again = seen(v, Miss(Reason.NO_SUCH_NAME, "", (view("192.0.2.2", "no_such_name"),))).verification
    assert (again.reason, again.detail) == (v.reason, v.detail)
    assert [one.outcome for one in again.servers] == ["match", "no_such_name", "no_txt"]


@pytest.mark.parametrize("servers", [(), (view("192.0.2.1", "no_txt"),), (view("192.0.2.9", "no_txt"),)])
def test_what_any_other_server_lacks_is_news(servers: tuple[ServerView, ...]) -> None:
    v = seen(stale(), Miss(Reason.NO_TXT, "now", servers), now=NOW + BATCH).verification
    assert (v.reason, v.detail, v.servers) == (Reason.NO_TXT, "now", servers)


def test_after_unsteady_answers_a_match_must_be_seen_three_times() -> None:
    v = seen(checking(), Miss(Reason.UNSTEADY_ANSWERS, "", ())).verification
    for row, rounds in ((v, 3), (checking(), 1)):
        look = seen(row, Woken(), now=row.wake or NOW).effect
        assert isinstance(look, Look)
        assert look.rounds == rounds


@pytest.mark.parametrize("found", [None, Reason.WRONG_NAME])
def test_what_a_resolver_remembers_is_called_by_its_name_where_the_name_servers_serve_the_code(
    found: Reason | None,
) -> None:
    views = (ServerView("ns1", "192.0.2.1", MATCH), ServerView("192.0.2.53:53", "192.0.2.53:53", "other_value"))
    before = replace(checking(), looks=3, reason=found)
    v = seen(before, Miss(Reason.OTHER_VALUE, "remembers", views), now=NOW).verification
    assert (v.reason, v.detail) == (Reason.OTHER_VALUE, "remembers")
