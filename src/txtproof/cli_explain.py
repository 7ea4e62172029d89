"""`txtproof explain`: one sentence that says why a domain is not verified yet, and what it rests on.

It looks for itself, at the domain's own name servers; a worker need not run. Exit codes: 0 the value is served; 1 it is
not; 3 that could not be seen.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from txtproof.adapters.dns.look import LookOptions
from txtproof.adapters.dns.ways import way
from txtproof.assembly import open_lookup
from txtproof.cli_views import printable
from txtproof.core.decisions import Look
from txtproof.core.evidence import ServerView
from txtproof.core.explaining import explained
from txtproof.core.model import Verification
from txtproof.core.names import canonical, fill, fits, is_below
from txtproof.core.observations import Match, Miss, Sight
from txtproof.core.policy import Policy
from txtproof.core.reasons import EXPLANATIONS
from txtproof.core.telling import evidence, stamp
from txtproof.domains import BadDomain, parse_domain, registrable
from txtproof.endpoints import endpoint

RESOLVERS, PORT, PRIVATE, VIEWS, NEEDED = (
    f"TXTPROOF_DNS__{name}"
    for name in ("RESOLVERS", "AUTHORITATIVE_PORT", "ALLOW_PRIVATE_SERVERS", "VIEWS", "VIEWS_NEEDED")
)
RECORD = "TXTPROOF_RECORD__NAME"
"""The settings of the worker that count here too."""

_VERDICTS = {Match: ("match", 0), Miss: ("miss", 1)}
_UNSEEN = ("unseen", 3)
_COLUMNS = ("server", "address", "answer", "rcode", "AA", "serial", "values", "ms")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a look saw, in words and figures."""

    name: str
    sight: Sight
    next_look: datetime | None
    """Of the worker; None where no verification is stored for it, or none is to come."""

    @property
    def verdict(self) -> tuple[str, int]:
        """Return the word for it, and the exit code."""
        return next((known for kind, known in _VERDICTS.items() if isinstance(self.sight, kind)), _UNSEEN)

    @property
    def sentence(self) -> str:
        """Say why."""
        sight = self.sight
        if isinstance(sight, Match):
            return "Every name server of the domain that answers serves the value."
        return explained(sight.reason, sight.detail, sight.servers)

    @property
    def advice(self) -> str | None:
        """Say what to do."""
        return None if isinstance(self.sight, Match) else EXPLANATIONS[self.sight.reason].advice

    def as_data(self) -> dict[str, Any]:
        """Return what `--json` shows."""
        return {
            "name": self.name,
            "verdict": self.verdict[0],
            "reason": None if isinstance(self.sight, Match) else self.sight.reason.value,
            "sentence": self.sentence,
            "servers": evidence(self.sight.servers),
            "nextLook": stamp(self.next_look),
            "advice": self.advice,
        }

    def as_text(self, now: datetime) -> str:
        """Return what a person is shown: the sentence, the servers, what to do."""
        lines = [f"{self.name}: {self.sentence}{_ahead(self.next_look, now)}"]
        if self.sight.servers:
            lines += ["", *_table(self.sight.servers)]
        if self.advice:
            lines += ["", f"What to do: {self.advice}"]
        return "\n".join(map(printable, lines))


async def explain(look: Look, options: LookOptions, next_look: datetime | None = None) -> Explanation:
    """Look, and search for the value where it may stand by mistake."""
    async with open_lookup(options) as lookup:
        return Explanation(look.name, await lookup.look(look), next_look)


def look_at(name: str, expected: str) -> Look:
    """Return the look at a record's name. Raises ValueError that says what is wrong with it."""
    shown = canonical(name)
    # a record's name may have underscores in front, a domain may not
    bare = shown
    while bare.startswith("_"):
        bare = bare.partition(".")[2]
    if not fits(shown) or not expected:
        raise ValueError(f"{name[:60]!r} is no name of a record, or the value is empty")
    try:
        domain = parse_domain(bare)
    except BadDomain as wrong:
        raise ValueError(str(wrong)) from None
    prefix = shown.removesuffix(bare)
    return Look(registrable(domain), f"{prefix}{domain}", expected.encode(), thorough=True)


def look_for(v: Verification, record_name: str) -> Look | None:
    """Return the look that a stored verification waits for; None where no record has been written for it yet.

    `record_name`: the template of the worker's settings.
    """
    if not v.ledger or v.domain is None:
        return None
    *others, present = v.ledger
    former = tuple((one.generation, one.value.encode()) for one in others if one.value != present.value)
    # what was written elsewhere has to be led to: the alias may be what is wrong
    name = present.name if is_below(present.name, v.domain) else fill(record_name, domain=v.domain)
    return Look(v.domain, name, present.value.encode(), former, v.zone, thorough=True)


def record_name_from(environ: Mapping[str, str] = os.environ) -> str:
    """Return the worker's template for a record's name. Raises ValueError that says what is wrong with it."""
    given = environ.get(RECORD) or Policy().record_name
    if not given.endswith("{domain}") or "{" in given.removesuffix("{domain}"):
        raise ValueError(f"{RECORD}: write {{domain}}, or labels in front of it: _label.{{domain}}")
    return given


def options_from(environ: Mapping[str, str] = os.environ) -> LookOptions:
    """Return the worker's settings for looks. Raises ValueError that names the one that is wrong."""
    port, needed = _number(environ, PORT, 53), _number(environ, NEEDED, 0)
    private = (environ.get(PRIVATE) or "false").lower()
    if private not in ("true", "false", "1", "0"):
        raise ValueError(f"{PRIVATE}: write true or false")
    resolvers = _checked(environ, RESOLVERS, endpoint)
    views = _checked(environ, VIEWS, way)
    return LookOptions(resolvers, port, private in ("true", "1"), views=views, views_needed=needed)


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    given = environ.get(name) or str(default)
    if not (given.isascii() and given.isdigit() and int(given) < 65536) or (default and not int(given)):
        raise ValueError(f"{name}: write a number, such as {default}")
    return int(given)


def _checked(environ: Mapping[str, str], name: str, check: Callable[[str], object]) -> tuple[str, ...]:
    try:
        found = json.loads(environ.get(name) or "[]")
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError(f'{name}: write, for example, ["192.0.2.53:53"]')
    for one in found:
        try:
            check(one)
        except ValueError as wrong:
            raise ValueError(f"{name}: {wrong}") from None
    return tuple(found)


def _ahead(next_look: datetime | None, now: datetime) -> str:
    if next_look is None:
        return ""
    return f" Next look in {max(0, round((next_look - now).total_seconds()))} s."


def _table(servers: Sequence[ServerView]) -> list[str]:
    rows = [_COLUMNS, *(_cells(one) for one in servers)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _cells(one: ServerView) -> tuple[str, ...]:
    serial = "-" if one.serial is None else str(one.serial)
    aa = "yes" if one.authoritative else "no"
    return (one.server, one.address, one.outcome, one.rcode or "-", aa, serial, str(one.values), str(one.took_ms))
