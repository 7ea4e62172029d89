"""What an answer of the Cloudflare API means: pure reading of status, headers and body, without a socket.

Every answer is an envelope of `success`, `errors` and `result`. Its error codes say more than its status does: a token
that is not known is answered with 400, 401 or 403. The words beside a code may quote the record, so none is passed on.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from txtproof.adapters.http_fields import http_date, retry_after
from txtproof.core.observations import Blocked, Unreachable
from txtproof.core.reasons import Reason
from txtproof.core.values import Value

T = TypeVar("T")

IDENTICAL = frozenset({81057, 81058})
"""The record, or an identical one, exists already."""
GONE = frozenset({81044})
"""The record does not exist (any more)."""
_TOKEN = frozenset({6003, 6111, 9103, 9106, 9109, 10000})
"""The token is unreadable, unknown, expired, not for this address, or not for what is asked."""
_ZONE = frozenset({1001, 7000, 7003})
"""No zone has this id."""
_ALIASES = frozenset({81053, 81054})
_DELEGATIONS = frozenset({81056})
_VALIDATION = frozenset({1004, 81061, *range(9000, 9100)})
"""The record is not valid, or the values of its name are too long together."""
_THROTTLED = frozenset({971, 10429})
_LATER = frozenset({408, 425, *range(500, 600)})

Id = Annotated[str, Field(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]
"""It becomes a part of a path."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class _Error(_Part):
    code: int
    error_chain: list["_Error"] = []


class Pages(_Part):
    """Where in a list that comes in pages an answer stands."""

    per_page: int | None = None
    total_pages: int | None = None
    total_count: int | None = None


class Envelope(_Part):
    """What every answer is wrapped in."""

    success: bool
    errors: list[_Error] | None = None
    result: Any = Field(default=None, repr=False)
    result_info: Pages | None = None


class ListedZone(_Part):
    """A zone, as a search for its name finds it."""

    id: Id
    name: str
    status: str = ""


class ListedRecord(_Part):
    """A record, as a list of them and the answer to a new one have it."""

    id: Id
    type: str
    name: str
    content: str | None = Field(default=None, repr=False)
    ttl: Annotated[int, Field(ge=0, le=2**31 - 1)]
    proxied: bool | None = None
    settings: dict[str, Any] | None = Field(default=None, repr=False)
    meta: dict[str, Any] | None = Field(default=None, repr=False)


_ZONES = TypeAdapter(list[ListedZone])
_RECORDS = TypeAdapter(list[ListedRecord])


class Reply(Value, frozen=True):
    """What came back; header values as they were sent, None where absent."""

    hidden = frozenset({"body"})

    status: int
    date: str | None = None
    retry_after: str | None = None
    body: bytes = b""
    """Empty where it is too long."""


class Garbled(Exception):
    """An answer that is none of this API's."""


class Refused(Exception):
    """An answer without success: its status, and the codes of its errors."""

    def __init__(self, reply: Reply, codes: Sequence[int]) -> None:
        super().__init__(f"{reply.status} {list(codes)}")
        self.reply = reply
        self.codes = frozenset(codes)


def read(reply: Reply) -> Envelope:
    """Unwrap a success. Raises Refused where it is none, Garbled where it cannot be read."""
    try:
        envelope = Envelope.model_validate_json(reply.body)
    except ValidationError:
        if 200 <= reply.status <= 299:
            raise Garbled from None
        raise Refused(reply, ()) from None
    if envelope.success and 200 <= reply.status <= 299:
        return envelope
    raise Refused(reply, [code for error in envelope.errors or () for code in _codes(error)])


def zones(envelope: Envelope) -> list[ListedZone]:
    """Return the zones that were listed. Raises Garbled."""
    return _validated(_ZONES, envelope.result)


def records(envelope: Envelope) -> list[ListedRecord]:
    """Return the records that were listed. Raises Garbled."""
    return _validated(_RECORDS, envelope.result)


def record(envelope: Envelope) -> ListedRecord:
    """Return the record that was made. Raises Garbled."""
    return _validated(_RECORDS, [envelope.result])[0]


def meaning(refused: Refused, *, token_is_good: bool) -> Blocked | Unreachable:
    """Say what a refusal means; `token_is_good`: the token was good for something else a moment ago."""
    status, codes = refused.reply.status, refused.codes
    said = " ".join([f"it answers {status}", *(f"(code {code})" for code in sorted(codes)[:3])])
    if status == 429 or codes & _THROTTLED:
        return Unreachable(Reason.RATE_LIMITED, said, _pause(refused.reply))
    if status in _LATER:
        return Unreachable(Reason.PUBLISHER_UNREACHABLE, said, _pause(refused.reply))
    reason, advice = _matter(status, codes, token_is_good=token_is_good)
    return Blocked(reason, f"{said}: {advice}")


def _matter(status: int, codes: frozenset[int], *, token_is_good: bool) -> tuple[Reason, str]:
    if status == 401 or codes & _TOKEN:
        if token_is_good:
            return Reason.PUBLISHER_REFUSED, "the token lacks a right: let it edit the DNS of this zone"
        return (
            Reason.PUBLISHER_AUTH,
            "it refuses the token: check api_token, its end, its client addresses and its rights",
        )
    if codes & _ZONE or (status == 404 and not codes):
        return Reason.NO_ZONE, "it knows no such zone: check zone_id and base_url"
    if codes & _ALIASES:
        return Reason.NAME_IS_CNAME, "a CNAME stands at the name"
    if codes & _DELEGATIONS:
        return Reason.NOT_SERVED, "NS records at the name delegate it"
    if codes & _VALIDATION:
        return Reason.INVALID_VALUE, "it cannot hold this record, or not beside the others at its name"
    if 300 <= status <= 399:
        return Reason.PUBLISHER_REFUSED, "a redirect is not followed, since a token must not travel: check base_url"
    return Reason.PUBLISHER_REFUSED, "it refuses the change"


def _pause(reply: Reply) -> timedelta | None:
    return retry_after(reply.retry_after, http_date(reply.date) or datetime.now(UTC))


def _codes(error: _Error) -> list[int]:
    return [error.code, *(code for cause in error.error_chain for code in _codes(cause))]


def _validated(kind: TypeAdapter[T], given: Any) -> T:
    try:
        return kind.validate_python(given)
    except ValidationError:
        raise Garbled from None
