"""What the servers' answers say: a match, a miss or nothing. Pure; no answer is turned into more than it says."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from txtproof.core.decisions import Look
from txtproof.core.evidence import ServerView
from txtproof.core.observations import Match, Miss, Sight, Unseen
from txtproof.core.reasons import BLIND, MISSES, Reason

MATCH = "match"
SHOWN = 3
"""Servers named in a detail; all are in the evidence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one address of a name server said about the record's name."""

    server: str
    address: str
    took_ms: int = 0
    failure: Reason | None = None
    """Why nothing came back, where nothing did."""
    rcode: str = ""
    authoritative: bool = False
    values: tuple[bytes, ...] = field(default=(), repr=False)
    serial: int | None = None
    """Of the SOA that was asked for beside it; None where that failed or was not asked."""


def outcome(answer: Answer, look: Look) -> str:
    """Return `match`, or the reason's word."""
    if answer.failure is not None:
        return answer.failure.value
    if answer.rcode in ("REFUSED", "SERVFAIL"):
        return answer.rcode.lower()
    if answer.rcode not in ("NOERROR", "NXDOMAIN") or not answer.authoritative:
        return Reason.LAME.value
    if look.expected in answer.values:
        return MATCH
    if any(value in answer.values for _, value in look.former):
        return Reason.OLD_CODE.value
    if answer.values:
        return Reason.OTHER_VALUE.value
    return Reason.NO_SUCH_NAME.value if answer.rcode == "NXDOMAIN" else Reason.NO_TXT.value


def judged(answers: Sequence[Answer], look: Look) -> Sight:
    """Judge a round in which every server was asked; at least one answer.

    A server that answers must serve the code. One that does not even answer for its SOA is reported and holds
    nothing up; one that does, but not for the record, leaves the question open.
    """
    outcomes = [outcome(answer, look) for answer in answers]
    views = tuple(map(_view, answers, outcomes))
    missing = [(answer, word) for answer, word in zip(answers, outcomes, strict=True) if word in MISSES]
    if missing and MATCH in outcomes:
        return Miss(Reason.STALE_SERVER, _stale([answer for answer, _ in missing], answers), views)
    if missing:
        first, word = missing[0]
        return Miss(Reason(word), _missed(first, Reason(word), look), views)
    half = [word for answer, word in zip(answers, outcomes, strict=True) if word in BLIND and answer.serial is not None]
    if half or MATCH not in outcomes:
        blind = half or outcomes
        return Unseen(Reason(blind[0]), _blind(answers, outcomes), views)
    return Match(views)


def _view(answer: Answer, word: str) -> ServerView:
    return ServerView(
        server=answer.server,
        address=answer.address,
        outcome=word,
        rcode=answer.rcode,
        authoritative=answer.authoritative,
        serial=answer.serial,
        values=len(answer.values),
        took_ms=answer.took_ms,
    )


def _stale(missing: Sequence[Answer], answers: Sequence[Answer]) -> str:
    newest = max((answer.serial for answer in answers if answer.serial is not None), default=None)
    behind = ", ".join(f"{_named(answer)}{_serial(answer.serial)}" for answer in missing[:SHOWN])
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    return f"not yet on {behind}{more}{f'; the newest serial is {newest}' if newest is not None else ''}"[:200]


def _missed(answer: Answer, reason: Reason, look: Look) -> str:
    if reason is Reason.OLD_CODE:
        generation = max(number for number, value in look.former if value in answer.values)
        whose = f"the code of generation {generation}" if generation else "the code of a run before this one"
        return f"{_named(answer)} still serves {whose}"[:200]
    if reason is Reason.OTHER_VALUE:
        return f"{_named(answer)} serves {len(answer.values)} other TXT values at {look.name}"[:200]
    return f"{_named(answer)} answers {answer.rcode} for {look.name}"[:200]


def _blind(answers: Sequence[Answer], outcomes: Sequence[str]) -> str:
    told = zip(answers[:SHOWN], outcomes, strict=False)
    return "; ".join(f"{_named(answer)}: {word}" for answer, word in told)[:200]


def _named(answer: Answer) -> str:
    return f"{answer.server} ({answer.address})"


def _serial(serial: int | None) -> str:
    return f" (serial {serial})" if serial is not None else ""
