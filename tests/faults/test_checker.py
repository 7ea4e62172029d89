"""A judge that cannot condemn is worth nothing: each thing that must not be is done here once."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from tests.faults.account import Account, Request, Row, Told
from tests.faults.checker import Rule, violations
from txtproof.core.model import Key, State

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = Key(1, 7)
OTHER = Key(1, 8)
NAME = "d7.z.test"
CODES = ("first-code", "second-code")
SPF = (f"{NAME}.", "TXT", 300, '"v=spf1 -all"')
OURS = (f"{NAME}.", "TXT", 300, '"second-code"')


def told(sequence: int, kind: str, generation: int = 0, *, code: str = "", run: str = "run-1", key: Key = KEY) -> Told:
    fingerprint = sha256(code.encode()).hexdigest()[:16] if code else None
    data = {
        "organizationId": key.organization_id,
        "domainId": key.domain_id,
        "verificationId": run,
        "generation": generation,
        "code_sha256": fingerprint,
    }
    event = {
        "id": f"{run}:{sequence}",
        "type": f"com.txtproof.verification.{kind}.v1",
        "sequence": str(sequence),
        "time": (NOW + timedelta(seconds=sequence)).isoformat(),
        "data": data,
    }
    return Told.read(json.dumps(event).encode())


EVENTS = (
    told(1, "accepted"),
    told(2, "code-issued", 1, code=CODES[0]),
    told(3, "record-published", 1),
    told(4, "code-issued", 2, code=CODES[1]),
    told(5, "record-published", 2),
    told(6, "verified", 2),
)
SOUND = Account(
    requests=(Request(KEY, NAME, "z.test", NOW),),
    rows={KEY: Row("run-1", State.VERIFIED, cleaned_up=True, sequence=6)},
    events=EVENTS,
    issued={KEY: CODES},
    written=((NAME, b"first-code"), (NAME, b"second-code")),
    before=(SPF,),
    after=(SPF, OURS),
    late_after={KEY: NOW + timedelta(minutes=1)},
)


def test_a_sound_run_has_no_violations() -> None:
    assert violations(SOUND) == []


def test_what_was_asked_for_twice_or_told_twice_alike_is_no_violation() -> None:
    assert violations(replace(SOUND, requests=SOUND.requests * 2, events=(*EVENTS, *EVENTS[-3:]))) == []


def test_a_second_run_of_the_same_domain_is_no_violation() -> None:
    again = (told(7, "accepted", run="run-2"), told(8, "code-issued", 1, code="third-code", run="run-2"))
    whole = replace(
        SOUND,
        events=(*EVENTS, *again, told(9, "verified", 1, run="run-2")),
        rows={KEY: Row("run-2", State.VERIFIED, cleaned_up=True, sequence=9)},
        issued={KEY: (*CODES, "third-code")},
        after=(SPF, (f"{NAME}.", "TXT", 300, '"third" "-code"')),
    )
    assert violations(whole) == []


def test_a_store_that_forgot_is_not_held_to_what_it_forgot() -> None:
    forgotten = (told(1, "accepted", run="run-0"), told(2, "code-issued", 1, code="code-0", run="run-0"))
    whole = replace(
        SOUND,
        events=(*forgotten, *EVENTS),
        issued={KEY: ("code-0", *CODES)},
        after=(SPF, OURS, (f"{NAME}.", "TXT", 300, '"code-0"')),
    )
    assert {one.rule for one in violations(whole)} == {Rule.TERMINAL_EVENTS, Rule.ORPHAN}
    assert violations(replace(whole, rolled_back=frozenset({KEY}))) == []


def without_events(account: Account, *kinds: str) -> Account:
    return replace(account, events=tuple(one for one in account.events if one.kind not in kinds))


def row(state: State, *, cleaned_up: bool = True) -> dict[Key, Row]:
    return {KEY: Row("run-1", state, cleaned_up, 6)}


BROKEN: dict[str, tuple[Rule, Callable[[Account], Account]]] = {
    "no row": (Rule.LOST, lambda a: replace(a, rows={}, events=())),
    "a row that never ended": (Rule.LOST, lambda a: replace(a, rows=row(State.CHECKING))),
    "no terminal event": (
        Rule.TERMINAL_EVENTS,
        lambda a: replace(a, events=EVENTS[:-1], rows={KEY: Row("run-1", State.VERIFIED, True, 5)}),
    ),
    "two terminal events": (
        Rule.TERMINAL_EVENTS,
        lambda a: replace(
            a, events=(*EVENTS, told(7, "expired", 2)), rows={KEY: Row("run-1", State.VERIFIED, True, 7)}
        ),
    ),
    "the same event with another body": (
        Rule.REPEATED_OTHERWISE,
        lambda a: replace(a, events=(*EVENTS, told(5, "record-published", 1))),
    ),
    "another event under the same id after a roll-back": (
        Rule.REPEATED_OTHERWISE,
        lambda a: replace(a, events=(*EVENTS, told(5, "checked", 2)), rolled_back=frozenset({KEY})),
    ),
    "a number left out": (Rule.NUMBERED_WRONGLY, lambda a: without_events(a, "accepted")),
    "an event that the row does not know": (
        Rule.NUMBERED_WRONGLY,
        lambda a: replace(a, rows={KEY: Row("run-1", State.VERIFIED, True, 5)}),
    ),
    "two codes of one generation": (
        Rule.GENERATION_TWICE,
        lambda a: replace(
            a,
            events=(*EVENTS[:3], told(4, "code-issued", 1, code=CODES[1]), *EVENTS[4:]),
        ),
    ),
    "two calls at a time": (Rule.OVERLAP, lambda a: replace(a, overlapping=(KEY, KEY))),
    "a call that nobody asked for": (Rule.STRANGER, lambda a: replace(a, unexpected=(OTHER,))),
    "a row that nobody asked for": (
        Rule.STRANGER,
        lambda a: replace(
            a,
            rows={**a.rows, OTHER: Row("run-9", State.FAILED, True, 1)},
            events=(*EVENTS, told(1, "failed", run="run-9", key=OTHER)),
        ),
    ),
    "a record that is no code": (Rule.STRANGER, lambda a: replace(a, written=((NAME, b"v=spf1 +all"),))),
    "a code of another domain": (
        Rule.STRANGER,
        lambda a: replace(a, written=((NAME, b"not-mine"),), issued={**a.issued, OTHER: ("not-mine",)}),
    ),
    "an old code in DNS": (
        Rule.WRONG_CODE,
        lambda a: replace(a, after=(SPF, (f"{NAME}.", "TXT", 300, '"first-code"'))),
    ),
    "no code in DNS": (Rule.WRONG_CODE, lambda a: replace(a, after=(SPF,))),
    "a code that was issued later than the proof": (
        Rule.WRONG_CODE,
        lambda a: replace(a, issued={KEY: (*CODES, "third")}, after=(SPF, (f"{NAME}.", "TXT", 300, '"third"'))),
    ),
    "an old code beside the new one": (
        Rule.ORPHAN,
        lambda a: replace(a, after=(SPF, OURS, (f"{NAME}.", "TXT", 300, '"first-code"'))),
    ),
    "a code where nothing was proved": (
        Rule.ORPHAN,
        lambda a: replace(a, rows=row(State.EXPIRED), events=(*EVENTS[:-1], told(6, "expired", 2))),
    ),
    "a clean-up that never came to its end": (
        Rule.NOT_CLEANED_UP,
        lambda a: replace(a, rows=row(State.VERIFIED, cleaned_up=False)),
    ),
    "a neighbour that is gone": (Rule.NEIGHBOUR, lambda a: replace(a, after=(OURS,))),
    "a neighbour with another TTL": (
        Rule.NEIGHBOUR,
        lambda a: replace(a, after=((*SPF[:2], 60, SPF[3]), OURS)),
    ),
    "a neighbour that was not there": (
        Rule.NEIGHBOUR,
        lambda a: replace(a, after=(SPF, OURS, ("www.d7.z.test.", "A", 60, "192.0.2.1"))),
    ),
    "a record of ours with a TTL of its own": (
        Rule.NEIGHBOUR,
        lambda a: replace(a, after=(SPF, (*OURS[:2], 60, OURS[3]))),
    ),
    "an end that came too late": (Rule.LATE, lambda a: replace(a, late_after={KEY: NOW})),
}


@pytest.mark.parametrize("what", BROKEN)
def test_each_thing_that_must_not_be_is_found(what: str) -> None:
    rule, broken = BROKEN[what]
    assert rule in {one.rule for one in violations(broken(SOUND))}


def test_every_rule_is_broken_here() -> None:
    assert {rule for rule, _ in BROKEN.values()} == set(Rule)


def test_a_finding_names_the_domain_and_shows_no_code() -> None:
    found = [str(one) for _, broken in BROKEN.values() for one in violations(broken(SOUND))]
    assert any("1/7" in one for one in found)
    assert not [one for one in found for code in (*CODES, "third-code") if code in one]
