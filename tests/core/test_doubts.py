"""Warnings about a code: too short to be a secret, or known before it was written."""

import secrets
import uuid

import pytest

from tests.core.rows import BY_HAND, DOMAIN, LIFETIME, NOW, POLICY, ROUTED, publishing, requested, seen
from txtproof.core.decisions import Decision, Publish
from txtproof.core.doubts import NEEDED_BITS, SENTENCES, Doubt, doubts, most_bits
from txtproof.core.events import EventKind
from txtproof.core.machine import decide
from txtproof.core.model import Verification
from txtproof.core.observations import Ambiguous, CodeIssued, Match, Published, Queued, Required, Routed, Woken
from txtproof.core.reasons import Reason

LONG = secrets.token_urlsafe(32)
STOOD = Published(changed=False)


def issued(code: str) -> Decision:
    return decide(requested(), CodeIssued(code, NOW + LIFETIME, DOMAIN), NOW, POLICY)


def with_long_code() -> Verification:
    return issued(LONG).verification


@pytest.mark.parametrize(
    ("code", "bits"),
    [("123456", 19), ("deadbeef", 32), ("DEADBEEF", 32), ("k3y", 15), ("K3Y", 15), ("Key", 17), ("a-b", 21), ("ä", 7)],
)
def test_a_code_holds_no_more_than_its_length_in_its_alphabet(code: str, bits: int) -> None:
    assert int(most_bits(code)) == bits


@pytest.mark.parametrize("code", [secrets.token_hex(16), secrets.token_urlsafe(24), str(uuid.uuid4()), "9" * 39])
def test_what_could_hold_enough_is_not_called_short(code: str) -> None:
    assert most_bits(code) >= NEEDED_BITS
    assert issued(code).events[-1].data["warnings"] == []


def test_a_short_code_is_told_from_its_issue_to_the_end() -> None:
    told = issued("482913")
    v = told.verification
    assert (told.events[-1].kind, told.events[-1].data["warnings"]) == (EventKind.CODE_ISSUED, ["short_code"])
    published = seen(v, ROUTED, Published())
    assert published.events[-1].data["warnings"] == ["short_code"]
    verified = seen(published.verification, Match(()))
    assert (verified.events[-1].kind, verified.events[-1].data["warnings"]) == (EventKind.VERIFIED, ["short_code"])
    required = seen(v, BY_HAND, Required())
    assert (required.events[-1].kind, required.events[-1].data["warnings"]) == (
        EventKind.RECORD_REQUIRED,
        ["short_code"],
    )


def test_a_code_that_the_provider_held_before_it_was_written_is_told() -> None:
    published = seen(with_long_code(), ROUTED, STOOD)
    assert published.events[-1].data["warnings"] == ["stood_before"]
    repaired = seen(published.verification, ROUTED, Published())
    assert doubts(repaired.verification) == (Doubt.STOOD_BEFORE,), "a repair does not take it back"
    verified = seen(repaired.verification, Match(()))
    assert verified.events[-1].data["warnings"] == ["stood_before"]


def test_what_may_be_our_own_doing_is_no_doubt() -> None:
    """A worker died after the call, or its answer was lost: the record stands by the next one's."""
    v = with_long_code()
    intent = decide(v, ROUTED, NOW, POLICY)
    assert isinstance(intent.effect, Publish)
    died = seen(intent.verification, Woken(), ROUTED, STOOD)
    lost = seen(v, ROUTED, Ambiguous(Reason.PUBLISHER_UNREACHABLE), Woken(), ROUTED, STOOD)
    for decision in (died, lost):
        assert decision.events[-1].kind is EventKind.RECORD_PUBLISHED
        assert decision.events[-1].data["warnings"] == []


def test_a_first_call_that_had_to_wait_for_its_turn_was_none_of_our_doing() -> None:
    v = seen(with_long_code(), ROUTED, Queued(NOW)).verification
    assert doubts(seen(v, Woken(), ROUTED, STOOD).verification) == (Doubt.STOOD_BEFORE,)
    lost = seen(v, Woken(), ROUTED, Ambiguous(Reason.PUBLISHER_UNREACHABLE), Woken(), ROUTED, Queued(NOW)).verification
    assert len(lost.ledger) == 1, "that call may have written it"
    assert doubts(seen(lost, Woken(), ROUTED, STOOD).verification) == ()


def test_what_was_written_elsewhere_or_by_hand_is_no_doubt() -> None:
    by_hand = seen(with_long_code(), BY_HAND, Required()).verification
    assert doubts(seen(by_hand, ROUTED, STOOD).verification) == ()
    moved = seen(with_long_code(), ROUTED, Published()).verification
    assert doubts(seen(moved, Routed("another", DOMAIN, DOMAIN), STOOD).verification) == ()


def test_a_code_that_nexus_issues_once_more_is_no_doubt() -> None:
    v = seen(with_long_code(), ROUTED, Published()).verification
    assert v.code is not None
    later = v.code.expires
    again = seen(v, Woken(), CodeIssued(LONG, later + LIFETIME, DOMAIN), ROUTED, STOOD, now=later)
    assert again.verification.generation == 2
    assert doubts(again.verification) == ()


def test_the_next_code_is_judged_by_itself() -> None:
    v = seen(with_long_code(), ROUTED, STOOD).verification
    assert v.code is not None
    later = v.code.expires
    fresh = CodeIssued(secrets.token_urlsafe(32), later + LIFETIME, DOMAIN)
    assert doubts(seen(v, Woken(), fresh, ROUTED, Published(), now=later).verification) == ()


def test_without_a_code_there_is_no_doubt_and_every_doubt_has_a_sentence() -> None:
    assert doubts(requested()) == ()
    assert doubts(publishing()) == (Doubt.SHORT_CODE,)
    assert set(SENTENCES) == set(Doubt)
