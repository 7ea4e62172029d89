"""What people and machines are shown of a verification, in every state it can be in."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.core.rows import (
    BY_HAND,
    EVERY,
    NOW,
    STATES,
    blocked_in_publishing,
    by_hand,
    cancelled,
    checking,
    publishing,
    renewed,
    requested,
    seen,
    verified,
)
from txtproof.adapters.cloud_events import encode
from txtproof.cli_views import as_data, as_line, as_text, event_line, printable
from txtproof.core.evidence import ServerView
from txtproof.core.model import Verification
from txtproof.core.observations import Cancel, Match, Miss, Required, Woken
from txtproof.core.reasons import EXPLANATIONS, Reason
from txtproof.core.values import replace

Making = Callable[[], Verification]
SERVERS = (
    ServerView("ns1.example.net", "192.0.2.1", "match", "NOERROR", authoritative=True, serial=42, values=2),
    ServerView("ns2.example.net", "192.0.2.2", "stale_server", "NOERROR", authoritative=True, serial=41, values=1),
)


@pytest.mark.parametrize("making", EVERY, ids=lambda making: making.__name__)
def test_every_verification_can_be_shown(making: Making) -> None:
    v = making()
    data = json.loads(json.dumps(as_data(v)))
    assert data["state"] == STATES[making].value
    assert [one["state"] for one in data["history"]][-1] == data["state"]
    text = as_text(v, NOW)
    assert text.startswith(f"example.test (42/7) is {data['state']}: {data['sentence']}\n")
    assert data["sentence"].endswith(".")
    assert as_line(v).split()[:3] == ["42/7", data["state"], "example.test"]


@pytest.mark.parametrize("making", EVERY, ids=lambda making: making.__name__)
def test_nothing_that_is_shown_has_a_code(making: Making) -> None:
    v = making()
    for shown in (json.dumps(as_data(v)), as_text(v, NOW), as_line(v)):
        assert "code-" not in shown


def test_of_what_is_left_over_the_status_says_so() -> None:
    sentence = "  Values that are to go still stand in DNS: see `txtproof leftovers 42/7`"
    assert sentence in as_text(replace(cancelled(), step=None, wake=None), NOW).splitlines()
    assert not [making for making in EVERY if sentence in as_text(making(), NOW)]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_sentence_with_its_advice(reason: Reason) -> None:
    v = replace(blocked_in_publishing(), reason=reason)
    explanation = EXPLANATIONS[reason]
    text = as_text(v, NOW)
    assert explanation.sentence in text
    assert f"  What to do: {explanation.advice}" in text
    assert (as_data(v)["sentence"], as_data(v)["advice"]) == (explanation.sentence, explanation.advice)


def test_a_domain_that_waits_says_for_whom_and_when_it_is_looked_again() -> None:
    v = seen(checking(), Miss(Reason.STALE_SERVER, "ns2.example.net has serial 41", SERVERS)).verification
    assert v.wake is not None
    lines = as_text(v, v.wake - timedelta(seconds=12)).splitlines()
    assert lines[1] == "  ns2.example.net has serial 41"
    assert any(
        line.startswith("  Next: check_record at ") and line.endswith(" (in 12 s): looks that missed so far: 1")
        for line in lines
    )
    assert "  ns2.example.net (192.0.2.2): stale_server, serial 41" in lines
    assert as_data(v)["servers"][1]["serial"] == 41


def test_a_code_that_can_be_guessed_is_warned_of() -> None:
    v = checking()
    assert "  Warning: The code is too short to hold 128 bits: it could be guessed." in as_text(v, NOW).splitlines()
    assert as_data(v)["warnings"] == ["short_code"]
    (event,) = seen(v, Match(())).events
    assert event_line(encode(event)).endswith("  short_code")


def test_what_somebody_has_to_write_is_named_and_its_value_is_not() -> None:
    v = by_hand()
    lines = as_text(v, NOW).splitlines()
    assert lines[0].endswith(": The record is to be written by hand; the name servers are being asked for it.")
    assert "  To be written by hand: TXT at example.test; the event record-required has the value" in lines
    assert as_data(v)["recordRequired"] == {"type": "TXT", "name": "example.test"}
    missed = seen(v, Miss(Reason.NO_SUCH_NAME, "NXDOMAIN", ())).verification
    assert "To be written by hand: TXT at example.test" in as_text(missed, NOW)
    assert v.code is not None
    for other in (checking(), seen(v, Cancel()).verification, seen(v, Woken(), now=v.code.expires).verification):
        assert "by hand" not in as_text(other, NOW)
        assert as_data(other)["recordRequired"] is None


def test_the_event_that_has_a_value_is_shown_without_it() -> None:
    (event,) = seen(publishing(), BY_HAND, Required()).events
    line = event_line(encode(event))
    assert "record-required" in line
    assert "code-" not in line
    assert b"code-1" in encode(event), "`events --json` is what has it"


def test_an_ended_one_has_no_advice_and_no_deadline() -> None:
    for v in (verified(), cancelled()):
        assert "What to do" not in as_text(v, NOW)
        assert "Deadline" not in as_text(v, NOW)


def test_an_expiry_that_nexus_did_not_give_is_called_assumed() -> None:
    v = renewed()
    assert v.code is not None
    assert "  Code 2 expires at " in as_text(v, NOW)
    assumed = replace(v, code=replace(v.code, assumed=True))
    assert "(assumed: Nexus gave none)" in as_text(assumed, NOW)


def test_a_verification_without_a_domain_goes_by_its_ids() -> None:
    v = requested(None)
    assert as_text(v, NOW).startswith("42/7 is requested: ")
    assert as_line(v).split() == ["42/7", "requested", "-"]


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\r\n", "\u202eevil", "\x00", "\u2028", "\udcff"])
def test_a_text_from_outside_steers_no_terminal_and_forges_no_line(hostile: str) -> None:
    v = replace(blocked_in_publishing(), detail=f"a{hostile}b")
    text = as_text(v, NOW)
    assert text.count("\n") == as_text(replace(v, detail="ab"), NOW).count("\n")
    assert hostile not in text
    assert printable(hostile).isprintable()
    assert event_line(hostile.encode(errors="surrogatepass")).isprintable()


@pytest.mark.parametrize("raw", [b"", b"[]", b"7", b"{}", b'{"data": 7, "type": "x"}', b"[" * 100_000])
def test_what_is_no_event_of_ours_is_shown_as_it_stands(raw: bytes) -> None:
    assert event_line(raw) == raw.decode()
