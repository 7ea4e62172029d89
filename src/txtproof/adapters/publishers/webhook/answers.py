"""What the answer to a webhook means: pure reading of status, headers and body, without a socket or a clock.

The status decides. A body is read for whether something was changed, and for the title of a problem (RFC 9457, 3.1.3).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from pydantic_core import from_json

from txtproof.adapters.http_fields import MAX_DETAIL, http_date, presentable, retry_after
from txtproof.adapters.publishers.trouble import Failure
from txtproof.core.observations import Blocked, Unreachable
from txtproof.core.reasons import Reason
from txtproof.core.values import Value

PROBLEM = "application/problem+json"
LATER = frozenset({408, 425})
"""Statuses below 500, other than 429, that say: call again later."""


class Reply(Value, frozen=True):
    """What came back, as far as it was read; header values as they were sent, empty where absent."""

    hidden = frozenset({"body"})

    status: int
    content_type: str = ""
    date: str = ""
    retry_after: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known beforehand of the call that is answered."""

    host: str
    now: datetime
    """This side's clock, for a Retry-After date in an answer that bears no `Date`."""
    hidden: Collection[str] = field(default=(), repr=False)
    """Texts that no detail may show."""


def read_reply(reply: Reply, reading: Reading) -> bool | Failure:
    """Return whether something was changed, or why the wish was not fulfilled; nothing is raised."""
    match reply.status:
        case status if 200 <= status <= 299:
            return _members(reply).get("changed") is not False
        case status if 300 <= status <= 399:
            return _refused(reply, reading, "a redirect, which is not followed: correct the url")
        case 401:
            return Blocked(Reason.PUBLISHER_AUTH, _said(reply, reading))
        case 404 if _is_problem(reply):
            return Blocked(Reason.NO_ZONE, _said(reply, reading))
        case 404:
            return _refused(reply, reading, "nothing is there: correct the url")
        case 429:
            return _later(Reason.RATE_LIMITED, reply, reading)
        case status if 400 <= status <= 499 and status not in LATER:
            return _refused(reply, reading)
        case _:
            return _later(Reason.PUBLISHER_UNREACHABLE, reply, reading)


def _refused(reply: Reply, reading: Reading, why: str = "") -> Blocked:
    return Blocked(Reason.PUBLISHER_REFUSED, _said(reply, reading, why))


def _later(reason: Reason, reply: Reply, reading: Reading) -> Unreachable:
    wanted = retry_after(reply.retry_after, http_date(reply.date) or reading.now)
    return Unreachable(reason, _said(reply, reading), wanted)


def _said(reply: Reply, reading: Reading, why: str = "") -> str:
    title = _members(reply).get("title") if _is_problem(reply) else None
    said = presentable(title, reading.hidden) if isinstance(title, str) else ""
    return f"{reading.host}: {reply.status} {said or why}".strip()[:MAX_DETAIL]


def _is_problem(reply: Reply) -> bool:
    return reply.content_type.partition(";")[0].strip().lower() == PROBLEM


def _members(reply: Reply) -> dict[str, object]:
    try:
        found = from_json(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
