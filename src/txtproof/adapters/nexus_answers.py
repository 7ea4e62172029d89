"""What an answer of Nexus means: pure reading of status, headers and body, without a socket or a clock.

The status decides wherever it can: a body is read for the code, and for what a refusal says about itself.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from txtproof.adapters.http_fields import MAX_DETAIL, http_date, instant, presentable, retry_after
from txtproof.core.model import MAX_ID, Key
from txtproof.core.observations import AlreadyVerified, Blocked, CodeIssued, Rejected, Unreachable
from txtproof.core.reasons import Reason
from txtproof.core.values import Value
from txtproof.domains import BadDomain, parse_domain

MAX_CODE = 2048
"""Bytes of a code in UTF-8."""
SUCCESSES = frozenset({200, 201})
LATER = frozenset({408, 425, 429, *range(500, 600)})
"""Statuses that say: call again later."""

Answer = CodeIssued | AlreadyVerified | Rejected | Blocked | Unreachable
Int32 = Annotated[int, Field(ge=-MAX_ID - 1, le=MAX_ID)]


class Reply(Value, frozen=True):
    """What came back, as far as it was read; header values as they were sent, None where absent."""

    hidden = frozenset({"body"})

    status: int
    date: str | None = None
    retry_after: str | None = None
    content_encoding: str | None = None
    body: bytes = b""
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
    """Return what the answer means: nothing is raised, whatever stands in it."""
    match reply.status:
        case status if status in SUCCESSES:
            return _success(reply, reading)
        case status if status in LATER:
            answered = http_date(reply.date) or reading.now
            return Unreachable(
                Reason.UPSTREAM_UNREACHABLE, f"answered {status}", retry_after(reply.retry_after, answered)
            )
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
            domain = parse_domain(issue.domain)
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
