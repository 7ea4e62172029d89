"""dns-lexicon as a publisher: it blocks, so that each call is one piece of work in a thread.

There the provider is made, signed in, written to and read back.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from txtproof.adapters.publishers.lexicon.changes import ensured, removed
from txtproof.adapters.publishers.lexicon.faults import answered, cut_short
from txtproof.adapters.publishers.lexicon.http import THREADS, Call, on_behalf
from txtproof.adapters.publishers.lexicon.options import LexiconOptions
from txtproof.adapters.publishers.lexicon.provider import Entered, load_provider, make
from txtproof.adapters.publishers.lexicon.rules import LONGEST, fits, rule_of
from txtproof.adapters.publishers.trouble import Failure
from txtproof.core.observations import Blocked, PublishAnswer, Unreachable, WithdrawAnswer
from txtproof.core.reasons import Reason

AT_ONCE = 8
"""Calls of one process; what is more waits, within its own time."""
ATTEMPTS = 8
"""How often a call begins anew because somebody else was writing."""
SENDING, WAITING = 0.9, 0.98
"""Shares of the time for a call: in which requests are made, and in which they are waited for."""

Found = TypeVar("Found")


class LexiconPublisher:
    """Port `Publisher`. Raises ValueError where the provider is not taken, or lexicon is not installed."""

    def __init__(self, options: LexiconOptions) -> None:
        self._options = options
        self._who = f"lexicon's {options.provider}"
        self._rule = rule_of(options.provider)
        self.capabilities = frozenset({self._rule.capability})
        load_provider(options.provider)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=THREADS)

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`; see the port."""
        if not fits(value):
            what = f"1 to {LONGEST} printable ASCII characters, no quote, backslash, or blank at an end"
            return Blocked(Reason.INVALID_VALUE, f"{self._who} is given values of {what}")
        if name == zone and self._rule.apex is None:
            return self._refused_apex(name)
        stale = set(replaces) - {value}
        return await self._called(zone, lambda entered: ensured(entered, self._who, name, value, ttl, stale))

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name; see the port."""
        if name == zone and self._rule.apex is None:
            return self._refused_apex(name)
        return await self._called(zone, lambda entered: removed(entered, self._who, name, value))

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:
        """Return the values at the name; None where the provider cannot be asked."""
        found = await self._called(zone, lambda entered: [one.value for one in entered.texts(name) if one.name == name])
        return found if isinstance(found, list) else None

    async def aclose(self) -> None:
        """Let the threads end; what they do has a time limit of its own."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _refused_apex(self, name: str) -> Blocked:
        return Blocked(Reason.PUBLISHER_REFUSED, f"{self._who} cannot write at the zone's own name, {name}"[:200])

    async def _called(self, zone: str, act: Callable[[Entered], Found]) -> Found | Failure:
        whole = self._options.call_timeout
        call = Call(whole * SENDING)
        loop = asyncio.get_running_loop()
        until = loop.time() + whole.total_seconds() * WAITING
        work = loop.run_in_executor(self._threads, _worked, self._options, zone, call, act)
        try:
            await asyncio.wait({work}, timeout=until - loop.time())
        except asyncio.CancelledError:
            call.end()
            # what is under way is waited for: a write that lands later could undo what a repeat has done
            await asyncio.wait({work}, timeout=until - loop.time())
            raise
        if work.done():
            return work.result()
        call.end()
        return cut_short(call, f"{self._who} gave no answer in time")


def _worked(options: LexiconOptions, zone: str, call: Call, act: Callable[[Entered], Found]) -> Found | Failure:
    """Do all of a call, in its thread; what somebody else has changed in its middle is read again."""
    answer = _tried(options, zone, call, act)
    for _ in range(ATTEMPTS - 1):
        if not isinstance(answer, Unreachable) or answer.reason is not Reason.CONFLICT:
            break
        answer = _tried(options, zone, call, act)
    return answer


def _tried(options: LexiconOptions, zone: str, call: Call, act: Callable[[Entered], Found]) -> Found | Failure:
    who = f"lexicon's {options.provider}"
    signed_in = False
    try:
        call.left()
        entered = make(options.provider, options.settings, zone)
        with on_behalf(call):
            with call.changing_nothing():
                entered.sign_in()
            signed_in = True
            return act(entered)
    except (Exception, SystemExit) as fault:  # noqa: BLE001  # each provider has types of its own
        return answered(fault, call, who, signed_in=signed_in)
