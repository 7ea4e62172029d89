"""What an answer of Nexus means: pure reading of status, headers and body, without a socket or a clock.

The status decides wherever it can: a body is read for the code, and for what a refusal says about itself.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from txtproof.core.model import MAX_ID, Key
from txtproof.core.observations import AlreadyVerified, Blocked, CodeIssued, Rejected, Unreachable, UpstreamAnswer
from txtproof.core.reasons import Reason
from txtproof.domains import BadDomain, parse_domain

MAX_CODE = 2048
"""Bytes of a code in UTF-8."""
MAX_DETAIL = 200
"""Characters."""
LONGEST_RETRY_AFTER = timedelta(hours=1)
SUCCESSES = frozenset({200, 201})
LATER = frozenset({408, 425, 429, *range(500, 600)})
"""Statuses that say: call again later."""
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?")

Answer = CodeIssued | AlreadyVerified | Rejected | Blocked | Unreachable
Int32 = Annotated[int, Field(ge=-MAX_ID - 1, le=MAX_ID)]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, as far as it was read; header values as they were sent, None where absent."""

    status: int
    date: str | None = None
    retry_after: str | None = None
    content_encoding: str | None = None
    body: bytes = field(default=b"", repr=False)
    oversized: bool = False
    """True where the body is longer than what was read of it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known beforehand of the call that is answered."""

    key: Key
    now: datetime
    """This side's clock, for a Retry-After date in an answer that bears no `Date`."""
    secrets: Collection[str] = field(default=(), repr=False)
    """Texts that no detail may show."""
    refuse_public_suffixes: bool = True


class Issue(BaseModel):
    """The body of a 201: 13 members, each of which may be null (nexus: generate-code, 201)."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="ignore", alias_generator=to_camel, hide_input_in_errors=True
    )

    authentication_method: str | None = None
    created: str | None = None
    created_by: str | None = None
    domain: str | None = None
    domain_id: Int32 | None = None
    is_verified: bool | None = None
    modified: str | None = None
    modified_by: str | None = None
    organization_id: Int32 | None = None
    owner_organization_id: Int32 | None = None
    verification_code: str | None = Field(default=None, repr=False)
    verification_code_expires: str | None = None
    verification_method: str | None = None


def wants_body(status: int) -> bool:
    """Say whether the body of such an answer is worth reading."""
    return status in SUCCESSES or (400 <= status <= 499 and status not in LATER)


def read_answer(reply: Reply, reading: Reading) -> Answer:
    """Return what the answer means: each line of the table in docs, and nothing raised whatever stands in it."""
    match reply.status:
        case status if status in SUCCESSES:
            return _success(reply, reading)
        case status if status in LATER:
            return Unreachable(Reason.UPSTREAM_UNREACHABLE, str(status), _retry_after(reply, reading.now))
        case 401:
            return Blocked(Reason.UPSTREAM_AUTH, _problem(reply, reading))
        case 403:
            return Blocked(Reason.UPSTREAM_FORBIDDEN, _problem(reply, reading))
        case 404:
            return Rejected(Reason.UNKNOWN_DOMAIN, _problem(reply, reading))
        case status if 400 <= status <= 499:
            return _oversized() if reply.oversized else Rejected(Reason.UPSTREAM_REFUSED, _problem(reply, reading))
        case status if 300 <= status <= 399:
            return _broken(f"{status}: a redirect, which is not followed: a credential must not travel")
        case status:
            return _broken(f"status {status} is not one that this operation gives")


def _success(reply: Reply, reading: Reading) -> Answer:
    if reply.oversized:
        return _oversized()
    if (reply.content_encoding or "identity").strip().lower() != "identity":
        return _broken("the body is compressed, which was not asked for")
    try:
        issue = Issue.model_validate_json(reply.body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        return _broken(": ".join([*map(str, first["loc"]), first["msg"]]))
    return _strayed(issue, reading.key) or _named(issue, reply, reading)


def _strayed(issue: Issue, key: Key) -> Rejected | None:
    for name, given, asked in (
        ("organizationId", issue.organization_id, key.organization_id),
        ("domainId", issue.domain_id, key.domain_id),
    ):
        if given not in (None, asked):
            return _broken(f"{name} is {given}, but {asked} was asked for")
    return None


def _named(issue: Issue, reply: Reply, reading: Reading) -> Answer:
    domain = None
    if issue.domain is not None:
        try:
            domain = parse_domain(issue.domain, refuse_public_suffixes=reading.refuse_public_suffixes)
        except BadDomain as error:
            hidden = [*reading.secrets, issue.verification_code or ""]
            return Rejected(Reason.BAD_DOMAIN, presentable(str(error), hidden))
    if issue.is_verified:
        return AlreadyVerified(domain)
    return _issued(issue, domain, http_date(reply.date))


def _issued(issue: Issue, domain: str | None, answered: datetime | None) -> CodeIssued | Rejected:
    code = issue.verification_code
    if not code:
        return _broken(f"verificationCode is {'null' if code is None else 'empty'}")
    if len(code.encode()) > MAX_CODE:
        return _broken(f"verificationCode is longer than {MAX_CODE} bytes")
    try:
        expires = None if issue.verification_code_expires is None else instant(issue.verification_code_expires)
    except ValueError:
        return _broken("verificationCodeExpires is not a date and time")
    return CodeIssued(code, expires, domain, answered)


def _broken(detail: str) -> Rejected:
    return Rejected(Reason.UPSTREAM_CONTRACT, detail[:MAX_DETAIL])


def _oversized() -> Rejected:
    return _broken("the body is too long and was not read to its end")


# Texts


def _problem(reply: Reply, reading: Reading) -> str:
    """Return the status, with title and detail of a problem body (RFC 9457, 3.1) where there is one."""
    try:
        problem = from_json(reply.body)
    except ValueError:
        problem = None
    members = problem if isinstance(problem, dict) else {}
    texts = [text for text in (members.get("title"), members.get("detail")) if isinstance(text, str)]
    said = ": ".join(filter(None, (presentable(text, reading.secrets) for text in texts)))
    return f"{reply.status} {said}".strip()[:MAX_DETAIL]


def presentable(text: str, secrets: Collection[str] = ()) -> str:
    """Return a stranger's text as one short line for a person, without control characters and without the secrets."""
    # concealed twice: cleaning can close the gap in a secret, and can also open one
    return _concealed(_cleaned(_concealed(text, secrets)), secrets)[:MAX_DETAIL]


def _cleaned(text: str) -> str:
    kept = (" " if character.isspace() else character for character in text)
    return " ".join("".join(one for one in kept if unicodedata.category(one)[0] != "C").split())


def _concealed(text: str, secrets: Collection[str]) -> str:
    known = sorted(filter(None, secrets), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, known)), "[hidden]", text) if known else text


# Times


def instant(text: str) -> datetime:
    """Read a date-time (RFC 3339, 5.6) that may lack its offset, which then is UTC, and may count ticks of 100 ns.

    Returns UTC. Raises ValueError where it is none or lies outside the years that a datetime can hold.
    """
    if not _DATE_TIME.fullmatch(text.upper()):
        raise ValueError("not a date and time")
    read = datetime.fromisoformat(text.upper())
    try:
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999") from None


def http_date(text: str | None) -> datetime | None:
    """Read an HTTP-date (RFC 9110, 5.6.7); None where there is none or it cannot be read."""
    if text is None:
        return None
    try:
        read = parsedate_to_datetime(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _retry_after(reply: Reply, now: datetime) -> timedelta | None:
    """Return what Retry-After asks for (RFC 9110, 10.2.3): from nothing to an hour; None where it asks nothing."""
    text = (reply.retry_after or "").strip()
    if re.fullmatch(r"-?[0-9]+", text):
        # a number of more digits than this is over the limit, and int() may refuse it
        wanted = timedelta(seconds=int(text)) if len(text) <= 9 else LONGEST_RETRY_AFTER
    elif (until := http_date(text)) is not None:
        wanted = until - (http_date(reply.date) or now)
    else:
        return None
    return min(max(wanted, timedelta(0)), LONGEST_RETRY_AFTER)
