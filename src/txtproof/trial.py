"""What a publisher's credential may do, found out by doing it: with a label below a name, which is gone again after."""

import asyncio
from collections.abc import Callable
from enum import StrEnum

from txtproof.core.explaining import explained
from txtproof.core.names import fits
from txtproof.core.observations import Ambiguous, Blocked, Required, Routed, Unreachable, Withdrawn
from txtproof.core.reasons import Reason
from txtproof.core.values import Value
from txtproof.ports import Publisher

TTL = 60
"""Seconds."""
REMOVALS = 3
"""Attempts."""
PAUSE = 1.0
"""Seconds between two of them."""


class Outcome(StrEnum):
    """What came of a step."""

    DONE = "done"
    REFUSED = "refused"
    UNREACHED = "unreached"
    """It could not be found out."""
    SKIPPED = "skipped"
    """There is nothing to be found out."""


class Finding(Value, frozen=True):
    """One step, and what came of it."""

    step: str
    outcome: Outcome
    sentence: str
    reason: Reason | None = None


Tell = Callable[[Finding], None]


def failed(step: str, what: str, answer: Blocked | Unreachable | Ambiguous) -> Finding:
    """Return what is to be said of a step that was not done."""
    outcome = Outcome.REFUSED if isinstance(answer, Blocked) else Outcome.UNREACHED
    return Finding(step, outcome, f"{what}: {explained(answer.reason, answer.detail, ())}", answer.reason)


class Trial:
    """Read, write, read back and remove. Raises ValueError where the name leaves no room for a label."""

    def __init__(self, publisher: Publisher, way: Routed, label: str, value: bytes, tell: Tell) -> None:
        """Take a label that nobody else uses, and a value that says what it is."""
        self.name = f"{label}.{way.name}"
        if not fits(self.name):
            raise ValueError(f"{way.name[:60]!r} is too long for a label below it")
        self._publisher = publisher
        self._way = way
        self._value = value
        self._tell = tell

    async def run(self) -> None:
        """Go through all steps; whoever cancels it waits until what was written is gone."""
        await self._read()
        written = True
        try:
            written = await self._write()
        finally:
            if written:
                await self._remove()

    async def _read(self) -> None:
        name = self._way.name
        values = await self._publisher.read_txt(self._way.zone, name)
        if values is None:
            said = f"the TXT values at {name} were not read: the provider does not list them, or gave no answer"
            self._tell(Finding("read", Outcome.SKIPPED, said))
        else:
            self._tell(Finding("read", Outcome.DONE, f"it may read TXT at {name}; values there: {len(values)}"))

    async def _write(self) -> bool:
        """Return whether the value may be there now."""
        answer = await self._publisher.ensure_txt(self._way.zone, self.name, self._value, TTL)
        if isinstance(answer, Required):
            self._tell(Finding("write", Outcome.SKIPPED, "a person writes these records: there is nothing to try"))
            return False
        if isinstance(answer, Blocked):
            finding = failed("write", f"it may not write {self.name}", answer)
            if answer.reason is Reason.PUBLISHER_REFUSED:
                hint = f" A credential for {self._way.name} alone is refused here, and may write that all the same."
                finding = Finding("write", finding.outcome, finding.sentence + hint, finding.reason)
            self._tell(finding)
            return bool(await self._is_there())
        if isinstance(answer, Unreachable | Ambiguous):
            self._tell(failed("write", f"it is not known whether {self.name} was written", answer))
            return True
        self._tell(Finding("write", Outcome.DONE, f"it may write TXT at {self.name}"))
        await self._read_back()
        return True

    async def _read_back(self) -> None:
        there = await self._is_there()
        if there is None:
            self._tell(Finding("read_back", Outcome.SKIPPED, "what was written was not read back"))
        elif there:
            self._tell(Finding("read_back", Outcome.DONE, "what was written is read back"))
        else:
            said = "what was written is not there when it is read back"
            self._tell(Finding("read_back", Outcome.REFUSED, said, Reason.NOT_SERVED))

    async def _remove(self) -> None:
        removal = asyncio.create_task(self._removed())
        broken_off: asyncio.CancelledError | None = None
        try:
            try:
                await asyncio.shield(removal)
            except asyncio.CancelledError as once:
                # who asks once waits for it; who asks again does not
                broken_off = once
            self._tell(await removal)
        except asyncio.CancelledError:
            self._tell(Finding("remove", Outcome.UNREACHED, self._left_behind("it was broken off")))
            raise
        if broken_off is not None:
            raise broken_off

    async def _removed(self) -> Finding:
        for attempt in range(1, REMOVALS + 1):
            answer = await self._publisher.remove_txt(self._way.zone, self.name, self._value)
            if isinstance(answer, Withdrawn) and not await self._is_there():
                return Finding("remove", Outcome.DONE, f"it may remove it: {self.name} is as it was")
            if isinstance(answer, Blocked):
                break
            if attempt < REMOVALS:
                await asyncio.sleep(PAUSE)
        if isinstance(answer, Blocked | Unreachable | Ambiguous):
            return failed("remove", self._left_behind("it was not removed"), answer)
        return Finding("remove", Outcome.REFUSED, self._left_behind("it was removed and is there all the same"))

    async def _is_there(self) -> bool | None:
        values = await self._publisher.read_txt(self._way.zone, self.name)
        return None if values is None else self._value in values

    def _left_behind(self, why: str) -> str:
        return f"{why}; a TXT record may still stand at {self.name}, remove it by hand"
