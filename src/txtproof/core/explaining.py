"""Why a domain is not verified yet, and why it is looked at again when it is: a sentence for each. Pure."""

from collections.abc import Sequence

from txtproof.core.evidence import MATCH, ServerView, is_served
from txtproof.core.model import Record, State, Step, Verification
from txtproof.core.reasons import EXPLANATIONS, MISSES, Reason

SHOWN = 3
"""Servers named in a sentence."""
_REMEMBERED = frozenset({Reason.OLD_CODE, Reason.OTHER_VALUE})
"""What only a resolver still says, where the zone's own servers serve the code."""


def explained(reason: Reason, detail: str, servers: Sequence[ServerView]) -> str:
    """Return the sentence for a reason, as particular as what was seen allows."""
    if reason is Reason.STALE_SERVER and servers:
        return _stale(servers)
    sentence = EXPLANATIONS[reason].sentence
    return f"{sentence.removesuffix('.')}: {detail.removesuffix('.')}." if detail else sentence


def _stale(servers: Sequence[ServerView]) -> str:
    behind = [one for one in servers if one.outcome in MISSES]
    ahead = [one for one in servers if one.outcome == MATCH]
    old, new = _serial(behind), _serial(ahead)
    some, others = _named(behind, servers), _named(ahead, servers)
    if old is not None and new is not None and old != new:
        still, have = "still serve" if len(behind) > 1 else "still serves", "have" if len(ahead) > 1 else "has"
        return f"{some} {still} the zone as of serial {old}; {others} {have} {new} with the code."
    serves, has = "do not serve" if len(behind) > 1 else "does not serve", "do" if len(ahead) > 1 else "does"
    return f"{some} {serves} the code yet; {others} {has}."


def _serial(servers: Sequence[ServerView]) -> int | None:
    """Return the serial that all of them have."""
    serials = {one.serial for one in servers}
    return serials.pop() if len(serials) == 1 else None


def _named(some: Sequence[ServerView], servers: Sequence[ServerView]) -> str:
    names = [one.server for one in servers]
    shown = [one.server if names.count(one.server) == 1 else f"{one.server} ({one.address})" for one in some]
    if len(shown) > SHOWN:
        return f"{', '.join(shown[:SHOWN])} and {len(shown) - SHOWN} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def because(v: Verification) -> str:
    """Say why it is looked at again just then; empty where it is not."""
    if v.wake is None:
        return ""
    if v.parked:
        return "only `txtproof release` lets it go on before"
    if v.wake == v.deadline:
        return "its deadline passes then"
    if v.code is not None and v.wake == v.code.expires:
        return "its code expires then"
    if v.state is State.CHECKING:
        return _of_a_look(v)
    if v.state is State.BLOCKED:
        return "what is blocked is tried again now and then"
    if v.turn is not None:
        return "its turn in the line comes then"
    return f"calls in a row that reached nobody: {v.failures}" if v.failures else ""


def _of_a_look(v: Verification) -> str:
    if v.planned is not None:
        return "somebody asked for a look"
    if v.failures:
        return f"looks in a row that saw nothing: {v.failures}"
    if v.reason is Reason.NEGATIVE_CACHE or (v.reason in _REMEMBERED and is_served(v.servers)):
        return "a resolver is asked again when what it remembers ends, after 15 min at the latest"
    if v.looks:
        return f"looks that missed so far: {v.looks}"
    return "somebody has just been told to write it" if awaited(v) else "the record has just been published"


def awaited(v: Verification) -> Record | None:
    """Return the record that is looked for where somebody has to write it; else None."""
    sought = v.ledger[-1] if v.ledger and v.code and v.step is Step.CHECK_RECORD else None
    return sought if sought and sought.by_hand else None
