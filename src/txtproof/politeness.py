"""Calls with a credential, each in its turn: all workers together make no more than that credential may."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from txtproof.core.model import Step
from txtproof.core.observations import Ambiguous, Blocked, Queued, Unreachable
from txtproof.core.reasons import Reason
from txtproof.core.telling import stamp
from txtproof.ports import Closed, Turns, Verdict

NEXUS = "nexus"
"""What the credential for Nexus is called."""
REFUSALS = frozenset({Reason.UPSTREAM_AUTH, Reason.PUBLISHER_AUTH})
"""Reasons that say something of the credential, and not of the one domain (401, not 403)."""

NOTHING = timedelta(0)

Answer = TypeVar("Answer")


def credential_of(publisher: str) -> str:
    """Return what a publisher's credential is called."""
    return f"publisher:{publisher}"


@dataclass(frozen=True, slots=True)
class Politeness:
    """Make calls in their turns."""

    turns: Turns
    lane: Step
    """In which the calls are made."""

    async def call(
        self, credential: str, place: datetime | None, call: Callable[[], Awaitable[Answer]]
    ) -> Answer | Queued | Blocked:
        """Make a call if it is its turn; else say when that is, or that the credential was refused.

        A call that is cut off gives its turn back too: what becomes of it is the other side's.
        """
        turn = await self.turns.take(credential, self.lane, place)
        match turn:
            case Queued():
                return turn
            case Closed(until=until):
                return _not_called(credential, until)
        said: tuple[Verdict, timedelta] = Verdict.UNKNOWN, NOTHING
        try:
            answer = await call()
            said = _said(answer)
            return answer
        finally:
            await self.turns.give_back(turn, *said)


def _said(answer: object) -> tuple[Verdict, timedelta]:
    match answer:
        case Blocked(reason=reason) if reason in REFUSALS:
            return Verdict.REFUSED, NOTHING
        case Unreachable(retry_after=timedelta() as pause):
            return Verdict.LATER, pause
        case Unreachable() | Ambiguous():
            return Verdict.UNKNOWN, NOTHING
        case _:
            return Verdict.TAKEN, NOTHING


def _not_called(credential: str, until: datetime) -> Blocked:
    reason = Reason.UPSTREAM_AUTH if credential == NEXUS else Reason.PUBLISHER_AUTH
    return Blocked(reason, f"not called: the credential was refused before, and is tried again from {stamp(until)} on")
