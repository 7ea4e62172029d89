"""The judge: what a run's account shows that must not be. An empty list is the proof.

Each rule is a function from the account to the violations of it; tests/faults/test_checker.py breaks each one once.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from tests.faults.account import Account, Line, Request, Told
from txtproof.core.model import Key, State


class Rule(StrEnum):
    """What must not be."""

    LOST = "an accepted request has no verification that ended"
    TERMINAL_EVENTS = "a verification has no terminal event, or several"
    REPEATED_OTHERWISE = "an event came again under the same id and said something else"
    NUMBERED_WRONGLY = "a subject's events are not numbered 1, 2, 3 ..."
    GENERATION_TWICE = "two codes were accepted for one generation"
    OVERLAP = "a code was asked for while another call for the same domain was in flight"
    STRANGER = "Nexus was called, or DNS changed, for something that nobody asked for"
    WRONG_CODE = "a verified domain does not have the last code that was issued in DNS, or had proved another"
    ORPHAN = "a record of ours stands that proves nothing"
    NOT_CLEANED_UP = "an ended verification has never finished cleaning up"
    NEIGHBOUR = "somebody else's record, or its TTL, has changed"
    LATE = "a verification ended later than it must"


@dataclass(frozen=True, slots=True)
class Violation:
    """One finding; the key where it is one verification's."""

    rule: Rule
    key: Key | None
    detail: str

    def __str__(self) -> str:
        return f"{self.key or 'all'}: {self.rule}: {self.detail}"


def violations(account: Account) -> list[Violation]:
    """Return everything that must not be, rule by rule."""
    return [found for rule in _RULES for found in rule(account)]


def _lost(account: Account) -> Iterator[Violation]:
    for key in dict.fromkeys(one.key for one in account.requests):
        row = account.rows.get(key)
        if row is None:
            yield Violation(Rule.LOST, key, "the store knows nothing of it")
        elif not row.state.terminal:
            yield Violation(Rule.LOST, key, f"it is {row.state}")


def _terminal_events(account: Account) -> Iterator[Violation]:
    ends: dict[str, set[str]] = {one.verification_id: set() for one in account.events}
    keys = {one.verification_id: one.key for one in account.events}
    for row_key, known in account.rows.items():
        ends.setdefault(known.verification_id, set())
        keys[known.verification_id] = row_key
    for event in account.events:
        if event.terminal:
            ends[event.verification_id].add(f"{event.kind} {event.id}")
    for verification_id, ids in ends.items():
        row = account.rows.get(keys[verification_id])
        if not ids and keys[verification_id] in account.rolled_back and row and row.verification_id != verification_id:
            # the store forgot that it had begun, and began anew
            continue
        if len(ids) != 1:
            told = ", ".join(sorted(ids)) or "none"
            yield Violation(Rule.TERMINAL_EVENTS, keys[verification_id], f"{verification_id}: {told}")


def _repeated_otherwise(account: Account) -> Iterator[Violation]:
    said: dict[str, bytes] = {}
    for event in account.events:
        body = _comparable(event, account)
        if said.setdefault(event.id, body) != body:
            yield Violation(Rule.REPEATED_OTHERWISE, event.key, f"{event.id}: {event.kind}")


def _comparable(event: Told, account: Account) -> bytes:
    # what the store forgot is done again, at another time and with another code: the fact must be the same
    return json.dumps([event.kind, event.generation]).encode() if event.key in account.rolled_back else event.body


def _numbered_wrongly(account: Account) -> Iterator[Violation]:
    numbers: dict[Key, set[int]] = defaultdict(set)
    for event in account.events:
        numbers[event.key].add(event.sequence)
    for key, found in numbers.items():
        if found != set(range(1, len(found) + 1)):
            yield Violation(Rule.NUMBERED_WRONGLY, key, f"{sorted(found)}")
        elif key not in account.rolled_back and key in account.rows and account.rows[key].sequence != len(found):
            yield Violation(
                Rule.NUMBERED_WRONGLY, key, f"{len(found)} events, the row says {account.rows[key].sequence}"
            )


def _generation_twice(account: Account) -> Iterator[Violation]:
    codes: dict[tuple[Key, str, int], set[str | None]] = defaultdict(set)
    for event in account.events:
        if event.kind == "code-issued":
            # under the id: after a roll-back the same fact is told again, of another code
            codes[event.key, event.verification_id, event.generation].add(event.id)
    for (key, _, generation), found in codes.items():
        if len(found) > 1:
            yield Violation(Rule.GENERATION_TWICE, key, f"generation {generation}: {sorted(map(str, found))}")


def _overlap(account: Account) -> Iterator[Violation]:
    for key, times in Counter(account.overlapping).items():
        yield Violation(Rule.OVERLAP, key, f"{times} times")


def _stranger(account: Account) -> Iterator[Violation]:
    asked = {one.domain: one.key for one in account.requests}
    for key in dict.fromkeys(account.unexpected):
        yield Violation(Rule.STRANGER, key, "Nexus was asked for it")
    for key in account.rows.keys() - set(asked.values()):
        yield Violation(Rule.STRANGER, key, "the store has a row of it")
    for name, value in dict.fromkeys(account.written):
        codes = account.issued.get(asked[name], ()) if name in asked else ()
        if value.decode(errors="replace") not in codes:
            yield Violation(Rule.STRANGER, asked.get(name), f"a TXT record at {name} that is no code of its own")


def _records(account: Account) -> Iterator[Violation]:
    """Hold the TXT values of ours against what should stand: the last code where it is verified, else nothing."""
    held = _ours(account)
    proved = {one.verification_id: one.fingerprint for one in account.events if one.kind == "code-issued"}
    for request in {one.key: one for one in account.requests}.values():
        row, codes = account.rows.get(request.key), account.issued.get(request.key, ())
        if row is None or not row.state.terminal:
            continue
        there = held.get(request.domain, [])
        wanted = codes[-1:] if row.state is State.VERIFIED else ()
        if wanted and (wanted[0] not in there or proved.get(row.verification_id) != _fingerprint(wanted[0])):
            yield Violation(Rule.WRONG_CODE, request.key, f"{len(codes)} codes issued, {_places(there, codes)} in DNS")
        # a store that forgot what it had written cannot take it away (fault 6)
        known = request.key not in account.rolled_back
        if known and (orphans := [code for code in there if code not in wanted]):
            yield Violation(Rule.ORPHAN, request.key, f"{row.state}: code {_places(orphans, codes)} of {len(codes)}")


def _not_cleaned_up(account: Account) -> Iterator[Violation]:
    for key, row in account.rows.items():
        if row.state.terminal and not row.cleaned_up:
            yield Violation(Rule.NOT_CLEANED_UP, key, f"it is {row.state}")


def _neighbour(account: Account) -> Iterator[Violation]:
    domains = {one.domain: one for one in account.requests}
    codes = {code for issued in account.issued.values() for code in issued}
    after = Counter(line for line in account.after if _text(line) not in codes)
    before = Counter(account.before)
    for line in sorted((before - after).keys() | (after - before).keys()):
        request: Request | None = domains.get(line[0].removesuffix("."))
        yield Violation(
            Rule.NEIGHBOUR, request.key if request else None, f"{'gone' if before[line] else 'new'}: {line}"
        )
    # our value lives in their set, and must have taken its TTL
    for line in account.after:
        ttls = {other[2] for other in account.before if other[:2] == line[:2]} if _text(line) in codes else set()
        if ttls and line[2] not in ttls:
            request = domains.get(line[0].removesuffix("."))
            yield Violation(Rule.NEIGHBOUR, request.key if request else None, f"TTL {line[2]} in place of {ttls}")


def _late(account: Account) -> Iterator[Violation]:
    ends = {one.key: one.time for one in account.events if one.terminal}
    for key, limit in account.late_after.items():
        if key in ends and ends[key] > limit:
            yield Violation(Rule.LATE, key, f"by {(ends[key] - limit).total_seconds():.1f} s")


_RULES: tuple[Callable[[Account], Iterator[Violation]], ...] = (
    _lost,
    _terminal_events,
    _repeated_otherwise,
    _numbered_wrongly,
    _generation_twice,
    _overlap,
    _stranger,
    _records,
    _not_cleaned_up,
    _neighbour,
    _late,
)


def _ours(account: Account) -> dict[str, list[str]]:
    codes = {code for issued in account.issued.values() for code in issued}
    held: dict[str, list[str]] = defaultdict(list)
    for line in account.after:
        if _text(line) in codes:
            held[line[0].removesuffix(".")].append(_text(line))
    return held


def _text(line: Line) -> str:
    # a value in several strings is one value (RFC 7208, 3.3, and everybody else)
    return line[3].replace('" "', "").strip('"')


def _places(values: list[str], codes: tuple[str, ...]) -> list[int]:
    # never the code itself: a report is read by many
    return [codes.index(value) + 1 if value in codes else 0 for value in values]


def _fingerprint(code: str) -> str:
    return sha256(code.encode()).hexdigest()[:16]
