"""What an answer of PowerDNS's API means: reading of status, headers and body, without a socket.

A refusal's own words are passed on only where they quote nothing: PowerDNS quotes the records that it refuses.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from txtproof.adapters.http_fields import http_date, presentable, retry_after
from txtproof.adapters.publishers.trouble import Failure, Trouble
from txtproof.core.observations import Blocked, Unreachable
from txtproof.core.reasons import Reason

T = TypeVar("T")

LATER = frozenset({408, 425, *range(500, 600)})
"""Statuses that say: call again later."""
_REFUSALS = (
    # first, since all that follows is made up of the record itself
    ("^record ", Reason.INVALID_VALUE, "it cannot store a value at the name"),
    ("could not find domain", Reason.NO_ZONE, "it does not hold the zone"),
    ("name is out of zone", Reason.NO_ZONE, "the name does not lie in the zone"),
    ("conflicts with", Reason.NAME_IS_CNAME, "a CNAME stands at the name"),
)
"""What a 422 says (the vendor's ws-auth.cc and check-zone.cc), and what it comes to."""


@dataclass(frozen=True, slots=True)
class Ability:
    """What a server can do."""

    extends: bool = False
    """It takes EXTEND and PRUNE: 4.9.12 and 5.0.2."""
    shows_disabled: bool = False
    """It shows the disabled records of a single name: 5.0.0."""


class Version(msgspec.Struct):
    """A server, as the API shows it."""

    version: str = ""

    def ability(self) -> Ability:
        """Return what this version can do; of one that says nothing, as little as of any."""
        found = re.match(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})", self.version)
        number = tuple(map(int, found.groups())) if found else ()
        return Ability(extends=number >= (5, 0, 2) or (4, 9, 12) <= number < (5,), shows_disabled=number >= (5,))


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, as far as it was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    oversized: bool = False
    """True where the body is longer than what was read of it."""


class ApiTrouble(Trouble):
    """Trouble with what the API has answered."""

    def __init__(self, answer: Failure, status: int = 0, said: str = "") -> None:
        super().__init__(answer)
        self.status = status
        self.said = said
        """What a refusal says, in lower case, to be looked into and never shown: it may quote records."""


class _Refusal(msgspec.Struct):
    error: str = ""
    errors: list[str] = []


def read(reply: Reply, kind: type[T], url: str) -> T:
    """Return the body as what it is to be. Raises ApiTrouble."""
    if reply.oversized:
        raise ApiTrouble(_blocked(url, Reason.PUBLISHER_REFUSED, f"more than {len(reply.body) >> 20} MiB in an answer"))
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiTrouble(unreachable(url, "the answer is not one of PowerDNS: check the url")) from None


def meaning(reply: Reply, url: str, zone: str, api_key: str) -> ApiTrouble:
    """Return what it means that a request did not succeed; `zone` is what was asked for, in words."""
    status, said = reply.status, _said(reply)
    if status in LATER or status == 429:
        answered = http_date(reply.headers.get("date")) or datetime.now(UTC)
        wait = retry_after(reply.headers.get("retry-after"), answered)
        reason = Reason.RATE_LIMITED if status == 429 else Reason.PUBLISHER_UNREACHABLE
        return ApiTrouble(Unreachable(reason, f"{url}: answered {status}"[:200], wait), status)
    reason, text = _refused(status, said, zone)
    if reason is Reason.PUBLISHER_REFUSED and not re.search("[\"'`]", said):
        text = f"{text} {presentable(said, [api_key])}".strip()
    return ApiTrouble(_blocked(url, reason, text), status, said)


def _refused(status: int, said: str, zone: str) -> tuple[Reason, str]:
    match status:
        case 401:
            return Reason.PUBLISHER_AUTH, "it refuses the API key (401): check api_key"
        case 404:
            return Reason.NO_ZONE, f"it does not hold the zone {zone} (404)"
        case status if 300 <= status <= 399:
            return Reason.PUBLISHER_REFUSED, f"it redirects ({status}): write the url it leads to"
        case 422:
            for pattern, reason, text in _REFUSALS:
                if re.search(pattern, said):
                    return reason, f"{text} (422): {zone}"
    return Reason.PUBLISHER_REFUSED, f"it refuses ({status})"


def _said(reply: Reply) -> str:
    try:
        refusal = msgspec.json.decode(reply.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return " ".join([refusal.error, *refusal.errors]).lower().strip()


def unreachable(url: str, text: str) -> Unreachable:
    """Say that there was no answer, or none that can be read."""
    return Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{url}: {text}"[:200])


def _blocked(url: str, reason: Reason, text: str) -> Blocked:
    return Blocked(reason, f"{url}: {text}"[:200])
