"""How rows are written down: MessagePack of lists, since a million of them are kept and thousands a second are read.

Times are whole milliseconds, counted from when the run was accepted; states and steps are their places in their lists;
what is the same as something else in the row is left out. The key and the run's id stand beside the document.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from txtproof.core.evidence import ServerView
from txtproof.core.model import Change, Code, Key, Record, State, Step, Verification
from txtproof.core.reasons import Reason

MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime.fromtimestamp(0, UTC)
_T = TypeVar("_T")

# What is written are places in these, so that they only ever grow at their ends (a test holds this).
STATES = tuple(State)
STEPS = tuple(Step)


class _Lists(msgspec.Struct, array_like=True, gc=False):
    """A list in the document; members may be added at the end, with a default."""


class _Code(_Lists):
    value: str
    expires: int
    issued: int
    assumed: bool


class _Record(_Lists):
    publisher: str
    zone: str | None
    name: str | None
    """None: the domain, here and above."""
    value: str | None
    """None: the code."""
    generation: int
    superseded: bool
    by_hand: bool = False
    stood: bool | None = None


class _Document(_Lists):
    accepted: int
    """Since 1970."""
    deadline: int
    state: int
    step: int | None
    wake: int | None
    domain: str | None
    generation: int
    code: _Code | None
    ledger: list[_Record]
    reason: str | None
    detail: str
    servers: tuple[ServerView, ...]
    looks: int
    failures: int
    turn: int | None
    told: int | None
    sequence: int
    correlation_id: str | None
    history: list[tuple[int, int, str | None]]
    zone: str | None = None
    zone_until: int | None = None
    asked: int | None = None
    planned: int | None = None
    missed: int | None = None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Document)


def write_verification(v: Verification) -> bytes:
    """Write a row's document. What is finer than a millisecond is cut off."""
    accepted = (v.accepted - _EPOCH) // MILLISECOND
    start = _EPOCH + accepted * MILLISECOND

    def since(time: datetime) -> int:
        return (time - start) // MILLISECOND

    return _ENCODER.encode(
        _Document(
            accepted,
            since(v.deadline),
            _STATE[v.state],
            _STEP[v.step] if v.step else None,
            since(v.wake) if v.wake else None,
            v.domain,
            v.generation,
            _Code(v.code.value, since(v.code.expires), since(v.code.issued), v.code.assumed) if v.code else None,
            [_record(v, line) for line in v.ledger],
            v.reason,
            v.detail,
            v.servers,
            v.looks,
            v.failures,
            since(v.turn) if v.turn else None,
            since(v.told) if v.told else None,
            v.sequence,
            v.correlation_id,
            [(since(one.time), _STATE[one.state], one.reason) for one in v.history],
            v.zone,
            since(v.zone_until) if v.zone_until else None,
            since(v.asked) if v.asked else None,
            since(v.planned) if v.planned else None,
            since(v.missed) if v.missed else None,
        )
    )


def read_verification(key: Key, identity: str, document: bytes) -> Verification:
    """Read a row's document; a ValueError, which says nothing of what stands in it, where it is none."""
    try:
        return _read(key, identity, _DECODER.decode(document))
    except (ValueError, IndexError, OverflowError):
        raise ValueError(f"the row of {key} cannot be read") from None


def _read(key: Key, identity: str, given: _Document) -> Verification:
    start = _EPOCH + given.accepted * MILLISECOND

    def at(milliseconds: int) -> datetime:
        return start + milliseconds * MILLISECOND

    code = None
    if given.code is not None:
        code = Code(given.code.value, at(given.code.expires), at(given.code.issued), given.code.assumed)
    return Verification(
        id=identity,
        key=key,
        state=STATES[given.state],
        accepted=start,
        deadline=at(given.deadline),
        step=None if given.step is None else STEPS[given.step],
        wake=None if given.wake is None else at(given.wake),
        domain=given.domain,
        generation=given.generation,
        code=code,
        ledger=tuple([_line(line, given.domain, code.value if code else None) for line in given.ledger]),
        reason=Reason(given.reason) if given.reason else None,
        detail=given.detail,
        servers=given.servers,
        looks=given.looks,
        zone=given.zone,
        zone_until=None if given.zone_until is None else at(given.zone_until),
        failures=given.failures,
        turn=None if given.turn is None else at(given.turn),
        told=None if given.told is None else at(given.told),
        asked=None if given.asked is None else at(given.asked),
        planned=None if given.planned is None else at(given.planned),
        missed=None if given.missed is None else at(given.missed),
        sequence=given.sequence,
        correlation_id=given.correlation_id,
        history=tuple(
            [
                Change(at(time), STATES[state], Reason(reason) if reason else None)
                for time, state, reason in given.history
            ]
        ),
    )


def _record(v: Verification, line: Record) -> _Record:
    return _Record(
        line.publisher,
        None if line.zone == v.domain else line.zone,
        None if line.name == v.domain else line.name,
        None if v.code and line.value == v.code.value else line.value,
        line.generation,
        line.superseded,
        line.by_hand,
        line.stood,
    )


def _line(given: _Record, domain: str | None, code: str | None) -> Record:
    return Record(
        given.publisher,
        _unless(given.zone, domain),
        _unless(given.name, domain),
        _unless(given.value, code),
        given.generation,
        given.superseded,
        given.by_hand,
        given.stood,
    )


def _unless(given: str | None, usual: str | None) -> str:
    if given is None and usual is None:
        raise IndexError
    return given if given is not None else usual or ""


def _places(members: Sequence[_T]) -> dict[_T, int]:
    return {member: place for place, member in enumerate(members)}


_STATE, _STEP = _places(STATES), _places(STEPS)
