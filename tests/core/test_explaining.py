"""Why it is looked at again just then."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.core.rows import NOW, blocked_in_publishing, by_hand, checking, parked, publishing, requested, seen, verified
from txtproof.core.evidence import MATCH, ServerView
from txtproof.core.explaining import because
from txtproof.core.model import Verification
from txtproof.core.observations import CheckNow, Miss, Queued, Unreachable, Unseen
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

REMEMBERED = (ServerView("ns1", "192.0.2.1", MATCH), ServerView("192.0.2.53:53", "192.0.2.53:53", "other_value"))
MISS, BLIND = Miss(Reason.NO_TXT, "", ()), Unseen(Reason.TIMEOUT, "")


def expiring() -> Verification:
    v = checking()
    assert v.code is not None
    return seen(replace(v, code=replace(v.code, expires=NOW + timedelta(seconds=1))), MISS).verification


def ending() -> Verification:
    return seen(replace(checking(), deadline=NOW + timedelta(seconds=1)), MISS).verification


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (checking, "the record has just been published"),
        (by_hand, "somebody has just been told to write it"),
        (lambda: seen(checking(), MISS, MISS).verification, "looks that missed so far: 2"),
        (lambda: seen(checking(), MISS, BLIND, BLIND).verification, "looks in a row that saw nothing: 2"),
        (
            lambda: seen(checking(), Miss(Reason.NEGATIVE_CACHE, "", (), timedelta(seconds=9))).verification,
            "a resolver is asked again when what it remembers ends, after 15 min at the latest",
        ),
        (
            lambda: seen(checking(), MISS, CheckNow(), now=NOW).verification,
            "somebody asked for a look",
        ),
        (
            lambda: seen(checking(), Miss(Reason.OLD_CODE, "", REMEMBERED, timedelta(seconds=9))).verification,
            "a resolver is asked again when what it remembers ends, after 15 min at the latest",
        ),
        (
            lambda: seen(checking(), Miss(Reason.STALE_SERVER, "", REMEMBERED)).verification,
            "looks that missed so far: 1",
        ),
        (
            lambda: seen(checking(), Unseen(Reason.DNSSEC_BOGUS, "", REMEMBERED)).verification,
            "looks in a row that saw nothing: 1",
        ),
        (expiring, "its code expires then"),
        (ending, "its deadline passes then"),
        (blocked_in_publishing, "what is blocked is tried again now and then"),
        (
            lambda: seen(publishing(), Queued(NOW + timedelta(seconds=3))).verification,
            "its turn in the line comes then",
        ),
        (
            lambda: seen(requested(), Unreachable(Reason.UPSTREAM_UNREACHABLE, "503")).verification,
            "calls in a row that reached nobody: 1",
        ),
        (parked, "only `txtproof release` lets it go on before"),
        (verified, ""),
    ],
)
def test_the_next_look_has_its_why(row: Callable[[], Verification], words: str) -> None:
    assert because(row()) == words
