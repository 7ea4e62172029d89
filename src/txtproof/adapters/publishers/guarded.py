"""A stranger's publisher at arm's length: what it raises, how long it takes and what it answers cannot end a worker.

One thing is not guarded against: code that blocks the event loop.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import msgspec

from txtproof.adapters.http_fields import LONGEST_RETRY_AFTER, presentable
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    Left,
    PublishAnswer,
    Published,
    Required,
    Unreachable,
    WithdrawAnswer,
    Withdrawn,
)
from txtproof.core.reasons import Reason
from txtproof.core.values import Value, replace
from txtproof.ports import Capability, Publisher

log = logging.getLogger(__name__)

GRACE = 0.1
"""The share of the time for a call in which what is cut off may end by itself."""
METHODS = ("ensure_txt", "remove_txt", "read_txt", "aclose")
PUBLISH_ANSWERS: tuple[type[Value], ...] = (Published, Required, Blocked, Unreachable, Ambiguous)
WITHDRAW_ANSWERS: tuple[type[Value], ...] = (Withdrawn, Left, Blocked, Unreachable, Ambiguous)


@dataclass(frozen=True, slots=True)
class Fault:
    """A call that came to no answer: only the kind of what was raised is kept, its text may say anything."""

    kind: str


CUT_OFF = Fault("")
"""The time was up."""


def guarded(
    opened: Callable[[], Publisher], who: str, call_timeout: timedelta, secrets: Collection[str] = ()
) -> Publisher:
    """Open a stranger's publisher; where that fails, return one that says so to whoever calls it.

    `who` names it in details and logs; `secrets` are hidden in the details that it answers.
    """
    try:
        publisher = opened()
        capabilities = frozenset(Capability(one) for one in publisher.capabilities)
        if not all(callable(getattr(publisher, method, None)) for method in METHODS):
            raise TypeError("it is no publisher")  # noqa: TRY301  # it ends as all else that is wrong with it
    except (Exception, SystemExit) as fault:  # noqa: BLE001  # a stranger's code raises anything
        kind = presentable(type(fault).__name__)
        log.error("%s cannot be opened: %s", who, kind)  # noqa: TRY400  # a traceback may hold secrets
        return ClosedPublisher(f"{who} cannot be opened: {kind}"[:200])
    return GuardedPublisher(publisher, capabilities, who, call_timeout, secrets)


class ClosedPublisher:
    """Port `Publisher`: one that could not be opened, and waits for a person."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset()

    def __init__(self, detail: str) -> None:
        self._answer = Blocked(Reason.PUBLISHER_REFUSED, detail)

    async def ensure_txt(
        self,
        zone: str,  # noqa: ARG002
        name: str,  # noqa: ARG002
        value: bytes,  # noqa: ARG002
        ttl: int,  # noqa: ARG002
        replaces: Sequence[bytes] = (),  # noqa: ARG002
    ) -> PublishAnswer:
        """Say what is wrong."""
        return self._answer

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:  # noqa: ARG002
        """Say what is wrong."""
        return self._answer

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:  # noqa: ARG002
        """Return None: nobody can say."""
        return None

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""


class GuardedPublisher:
    """Port `Publisher`: another one, whose faults are answers."""

    def __init__(
        self,
        publisher: Publisher,
        capabilities: frozenset[Capability],
        who: str,
        call_timeout: timedelta,
        secrets: Collection[str],
    ) -> None:
        self.capabilities = capabilities
        self._publisher = publisher
        self._who = who
        self._grace = call_timeout.total_seconds() * GRACE
        self._time = call_timeout.total_seconds() - self._grace
        self._secrets = tuple(secrets)
        self._left: set[asyncio.Task[Any]] = set()

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`; see the port."""
        said = await self._called(lambda: self._publisher.ensure_txt(zone, name, value, ttl, replaces))
        answer: PublishAnswer = self._read(said, PUBLISH_ANSWERS, (value, *replaces))
        return answer

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name; see the port."""
        said = await self._called(lambda: self._publisher.remove_txt(zone, name, value))
        answer: WithdrawAnswer = self._read(said, WITHDRAW_ANSWERS, (value,))
        return answer

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:
        """Return the values at the name; None where it does not say, or says what is none."""
        said = await self._called(lambda: self._publisher.read_txt(zone, name))
        if isinstance(said, list | tuple) and all(isinstance(one, bytes) for one in said):
            return list(said)
        return None

    async def aclose(self) -> None:
        """End it, or leave it."""
        said = await self._called(self._publisher.aclose)
        if isinstance(said, Fault):
            log.warning("%s did not end: %s", self._who, said.kind or "the time was up")

    async def _called(self, call: Callable[[], Awaitable[object]]) -> object:
        """Make a call in a task of its own, so that nothing it does, or does not do, is more than its own end."""
        task = asyncio.ensure_future(_kept(call))
        self._left.add(task)
        task.add_done_callback(self._left.discard)
        try:
            await asyncio.wait({task}, timeout=self._time)
        finally:
            late = not task.done()
            if late:
                task.cancel()
                await asyncio.wait({task}, timeout=self._grace)
        if late:
            return CUT_OFF
        return Fault("CancelledError") if task.cancelled() else task.result()

    def _read(self, said: object, kinds: Collection[type[Value]], values: Sequence[bytes]) -> Any:
        if said is CUT_OFF:
            return Ambiguous(Reason.PUBLISHER_UNREACHABLE, f"{self._who} gave no answer within {self._time:g} s"[:200])
        if isinstance(said, Fault):
            return Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{self._who} raised {said.kind}"[:200])
        checked = _checked(said, kinds)
        if checked is None:
            what = presentable(type(said).__name__)
            return Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{self._who} answered what is no answer: {what}"[:200])
        return self._presentable(checked, values)

    def _presentable(self, answer: Any, values: Sequence[bytes]) -> Any:
        if isinstance(answer, Blocked | Unreachable | Ambiguous):
            texts = [value.decode(errors="ignore") for value in values]
            answer = replace(answer, detail=presentable(answer.detail, (*self._secrets, *texts)))
        if isinstance(answer, Unreachable) and answer.retry_after is not None:
            pause = min(max(answer.retry_after, timedelta(0)), LONGEST_RETRY_AFTER)
            answer = replace(answer, retry_after=pause)
        return answer


def _checked(said: object, kinds: Collection[type[Value]]) -> Value | None:
    """Return an answer whose fields are what they should be; None where it is none."""
    if not isinstance(said, Value) or type(said) not in kinds:
        return None
    try:
        return msgspec.convert(msgspec.structs.asdict(said), type(said))
    except msgspec.ValidationError:
        return None


async def _kept(call: Callable[[], Awaitable[object]]) -> object:
    try:
        return await call()
    except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as fault:  # noqa: BLE001  # even SystemExit, which would end the event loop
        return Fault(presentable(type(fault).__name__))
