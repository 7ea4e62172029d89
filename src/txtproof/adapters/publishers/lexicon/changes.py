"""What is written through lexicon, step by step: each step is read back, and stops where a neighbour was hurt."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial

from txtproof.adapters.publishers.lexicon.provider import Entered, Text
from txtproof.core.observations import Blocked, PublishAnswer, Published, Unreachable, WithdrawAnswer, Withdrawn
from txtproof.core.reasons import Reason

log = logging.getLogger(__name__)


class Change:
    """A change at one name, and the values that stood there before it."""

    def __init__(self, entered: Entered, who: str, name: str, changed: Collection[bytes]) -> None:
        self._entered = entered
        self._who = who
        self._name = name
        self._changed = changed
        self.before = entered.texts(name)
        self.others = self._of_others(self.before)

    def holding(self, texts: Sequence[Text], values: Collection[bytes]) -> list[Text]:
        """Return the records at the name with one of these values."""
        return [text for text in texts if text.name == self._name and text.value in values]

    def refused(self) -> Blocked | None:
        """Say why the provider is not let at this name."""
        there = [text for text in self.others if text.name == self._name]
        if self._entered.rule.alone and there:
            return self._blocked(f"{self._entered.rule.alone}, and {len(there)} of others stand at {self._name}")
        return None

    def refused_beside(self, value: bytes) -> Blocked | None:
        """Say why a value is not let beside what stands there."""
        if not self.before and self._entered.has_alias(self._name):
            return Blocked(Reason.NAME_IS_CNAME, f"{self._name} is a CNAME"[:200])
        if self._entered.rule.folds_case and any(one.value.lower() == value.lower() for one in self.before):
            return self._blocked(f"takes values for one that differ in case alone, and such a one is at {self._name}")
        return None

    def create(self, value: bytes, ttl: int) -> None:
        """Add a value, with the TTL that the set has, where there is one."""
        there = [text for text in self.before if text.name == self._name]
        self._entered.create(self._name, value, (there[0].ttl or 0) if there else ttl)

    def delete(self, text: Text) -> None:
        """Delete one record."""
        self._entered.delete(self._name, text)

    def made(self, step: Callable[[], None]) -> list[Text] | Blocked:
        """Make one step; return what stands there then, unless a neighbour is gone or changed."""
        step()
        after = self._entered.texts(self._name)
        if not self._entered.rule.guarded:
            return after
        left = self._of_others(after)
        lost = sum((_counted(self.others) - _counted(left)).values())
        if not lost:
            return after
        log.error(
            "%s: TXT values of others at %s are gone or changed; before: %s; after: %s",
            self._who,
            self._name,
            _snapshot(self.others),
            _snapshot(left),
        )
        told = f"{lost} of {len(self.others)} TXT values of others at {self._name} are gone or changed"
        return Blocked(Reason.NEIGHBOUR_LOST, f"{self._who}: {told}; the log says which"[:200])

    def untaken(self) -> Blocked | Unreachable:
        """Say that what was written does not stand there."""
        if self._entered.rule.alone and self.before:
            return self._blocked(f"took no value beside the one that it replaces at {self._name}")
        return Unreachable(Reason.CONFLICT, f"{self._who}: what stands at {self._name} is not what was written"[:200])

    def _of_others(self, texts: Sequence[Text]) -> list[Text]:
        return [text for text in texts if text.name != self._name or text.value not in self._changed]

    def _blocked(self, why: str) -> Blocked:
        return Blocked(Reason.PUBLISHER_REFUSED, f"{self._who} {why}"[:200])


def ensured(entered: Entered, who: str, name: str, value: bytes, ttl: int, stale: Collection[bytes]) -> PublishAnswer:
    """Have a value at a name and none of the stale ones: first the new one comes, then the old ones go."""
    change = Change(entered, who, name, {value, *stale})
    ours, old = (change.holding(change.before, values) for values in ({value}, stale))
    if ours and not old:
        return Published(changed=False)
    refusal = change.refused() or (None if ours else change.refused_beside(value))
    if refusal:
        return refusal
    steps = [] if ours else [partial(change.create, value, ttl)]
    after = change.before
    for step in (*steps, *(partial(change.delete, text) for text in old)):
        made = change.made(step)
        if isinstance(made, Blocked):
            return made
        after = made
        if not change.holding(after, {value}):
            return change.untaken()
    return change.untaken() if change.holding(after, stale) else Published()


def removed(entered: Entered, who: str, name: str, value: bytes) -> WithdrawAnswer:
    """Have exactly this value no more at a name."""
    change = Change(entered, who, name, {value})
    ours = change.holding(change.before, {value})
    if not ours:
        return Withdrawn()
    if refusal := change.refused():
        return refusal
    after = change.before
    for text in ours:
        made = change.made(partial(change.delete, text))
        if isinstance(made, Blocked):
            return made
        after = made
    return change.untaken() if change.holding(after, {value}) else Withdrawn()


def _counted(texts: Sequence[Text]) -> Counter[tuple[str, str, int | None]]:
    return Counter((text.name, text.content, text.ttl) for text in texts)


def _snapshot(texts: Sequence[Text]) -> str:
    """Describe values by length and hash: enough to find them again, in a copy of the zone."""
    told = (
        f"{text.name} {text.ttl} {len(text.value)} bytes sha256:{hashlib.sha256(text.value).hexdigest()[:16]}"
        for text in texts
    )
    return ", ".join(told) or "none"
