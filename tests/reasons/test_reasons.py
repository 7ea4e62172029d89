"""All reasons of a look: what brings them about, the word, its kind, the sentence, the evidence and the next look."""

import json
from datetime import timedelta

import pytest

from tests.adapters.dns.world import CODE, OLD
from tests.reasons.missed import MISSED
from tests.reasons.rows import LATER, LOOKS, POLICY, look_for, waiting
from tests.reasons.scenes import Next, Scenario, really, shown
from tests.reasons.unseen import UNSEEN
from txtproof.core.events import EventKind
from txtproof.core.evidence import MATCH
from txtproof.core.explaining import because, explained
from txtproof.core.machine import decide
from txtproof.core.model import State
from txtproof.core.observations import Match, Miss, Unseen
from txtproof.core.reasons import BLIND, EXPLANATIONS, MISSES
from txtproof.core.schedule import CURVE, FIRST_BACKOFF, pause_after
from txtproof.core.wording import BATCH


def test_every_reason_of_a_look_has_a_scenario() -> None:
    assert {one.reason for one in MISSED} == MISSES
    assert {one.reason for one in UNSEEN} == BLIND


@pytest.mark.parametrize("scenario", [*MISSED, *UNSEEN], ids=str)
async def test_reason(scenario: Scenario, request: pytest.FixtureRequest) -> None:
    before = waiting(scenario.domain)
    now = LATER if scenario.fresh else LATER + BATCH
    sight = await scenario.see(request, look_for(before, now))

    assert not isinstance(sight, Match), sight
    assert sight.reason is (scenario.seen or scenario.reason), sight
    assert isinstance(sight, Miss if scenario.reason in MISSES else Unseen)
    assert [shown(one) for one in sight.servers] == list(scenario.servers)

    decision = decide(before, sight, now, POLICY)
    after = decision.verification
    assert after.reason is scenario.reason
    sentence = explained(after.reason, after.detail, after.servers)
    assert scenario.says in sentence
    assert (after.state, after.code) == (State.CHECKING, before.code), (
        "neither a miss nor blindness asks for a new code"
    )
    assert after.wake is not None
    pause, because_of = after.wake - now, because(after)
    assert because_of == scenario.next.value
    match scenario.next:
        case Next.CURVE:
            assert within_a_tenth(pause, pause_after(LOOKS + 1))
        case Next.MEMORY:
            assert isinstance(sight, Miss)
            assert sight.changes_in is not None
            assert pause == max(sight.changes_in, CURVE[0])
        case Next.BACK_OFF:
            assert (after.looks, within_a_tenth(pause, FIRST_BACKOFF)) == (LOOKS, True)

    (told,) = decision.events
    assert (told.kind, told.data["reason"], told.data["nextLookBecause"]) == (
        EventKind.CHECKED,
        scenario.reason,
        because_of,
    )
    assert (told.data["title"], told.data["advice"]) == EXPLANATIONS[scenario.reason]
    for secret in (CODE, OLD):
        assert secret.decode() not in json.dumps(told.data) + sentence


def within_a_tenth(pause: timedelta, of: timedelta) -> bool:
    return 0.9 * of <= pause <= 1.1 * of


@pytest.mark.parametrize("home", ["bind", "knot", "powerdns"])
async def test_what_is_served_is_a_match(home: str, request: pytest.FixtureRequest) -> None:
    look = look_for(waiting(f"served.{home}.test"), LATER)
    for way in ("", "udp", "tls", "https"):
        sight = await really(home, view=way)(request, look)
        assert isinstance(sight, Match), (way, sight)
        assert {one.outcome for one in sight.servers} == {MATCH}
