"""Commands as strangers write them: everything is refused that is not exactly what the contract says.

Nothing here raises for what is read; a Refusal names the member and what to write. The envelope is checked with
pydantic like the data: the cloudevents package accepts unknown versions, and raises on hostile input.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from txtproof.adapters.message_faults import Fault, Refused
from txtproof.adapters.message_json import parse, parse_any, unwritable
from txtproof.core.model import MAX_ID, Key
from txtproof.core.observations import Cancel, CheckNow, Resume
from txtproof.core.orders import Order, Refusal, Request
from txtproof.domains import BadDomain, parse_domain

PREFIX = "com.txtproof.verification."
TASK = "verification.request"
"""The Celery task's name."""
KEYWORDS_ONLY = "write keyword arguments only"
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3])(:[0-9]{2}){2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_WHOLE = f"write a whole number from 1 to {MAX_ID}"
_WRITE = {
    "organizationId": _WHOLE,
    "domainId": _WHOLE,
    "domain": "write a name, such as example.com",
    "deadline": "write RFC 3339 with an offset, such as 2026-05-08T12:00:00Z",
    "correlationid": "write 1 to 256 printable ASCII characters",
    "id": "write a text that is not empty",
    "source": "write a text that is not empty",
    "type": f"write {PREFIX}request.v1, .cancel.v1, .check-now.v1 or .resume.v1",
    "data": "write an object with the members of the contract",
}


def _moment(given: Any) -> Any:
    """Insist on RFC 3339 text (5.6), since pydantic takes more than that; return the instant in UTC."""
    if not isinstance(given, str) or not RFC_3339.fullmatch(given):
        raise ValueError(_WRITE["deadline"])
    try:
        return datetime.fromisoformat(given.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it lies outside the calendar") from None


Id = Annotated[StrictInt, Field(ge=1, le=MAX_ID)]
Correlation = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[!-~]( ?[!-~])*$", strict=True)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid")

    organization_id: Id = Field(alias="organizationId")
    domain_id: Id = Field(alias="domainId")


class _RequestData(_Data):
    domain: Annotated[str, Field(strict=True)] | None = None
    deadline: Annotated[AwareDatetime, BeforeValidator(_moment)] | None = None
    publisher: Any = None
    reply_to: Any = Field(default=None, alias="replyTo")


class _Correlated(BaseModel):
    model_config = ConfigDict(extra="ignore")

    correlationid: Correlation | None = None


class _Envelope(_Correlated):
    type: Annotated[str, Field(strict=True, max_length=200)]
    # a sender's `source` and `id` make its message known again (CloudEvents 1.0.2, "Required attributes")
    source: Annotated[str, Field(strict=True, min_length=1)]
    id: Annotated[str, Field(strict=True, min_length=1)]
    data: Any


def read_order(raw: bytes) -> Order | Refusal:
    """Read a message of the stream: a CloudEvent (structured mode), or a request's bare `data`."""
    try:
        whole = parse(raw)
        return _from_envelope(whole) if {"specversion", "data"} & whole.keys() else _request(whole, None)
    except Refused as refused:
        return refused.refusal


def read_request(members: Mapping[str, object]) -> Order | Refusal:
    """Read the keyword arguments of the Celery task: the members of a request's `data`, and `correlationid`."""
    try:
        # the same road as text from the stream: what JSON cannot hold was never in a message
        raw = json.dumps(dict(members), default=unwritable).encode()
        return _from_members(parse(raw))
    except Refused as refused:
        return refused.refusal
    except (TypeError, ValueError, RecursionError):
        return Refusal(Fault.NOT_JSON.value, "the arguments cannot be written as JSON: write members of the contract")


def read_task(task: object, raw: bytes) -> Order | Refusal:
    """Read the message of a Celery task (protocol 2): its name, and the body `[args, kwargs, embed]`."""
    try:
        return _from_task(task, raw)
    except Refused as refused:
        return refused.refusal


def _from_task(task: object, raw: bytes) -> Order:
    if task != TASK:
        raise Refused(Fault.UNKNOWN_TYPE, f"task: write {TASK}")
    match parse_any(raw):
        case [[], dict() as members, _]:
            return _from_members(members)
        case [[*_], dict(), _]:
            raise Refused(Fault.WRONG_TYPE, KEYWORDS_ONLY)
        case _:
            raise Refused(Fault.WRONG_TYPE, "the body is not [args, kwargs, embed] of Celery's protocol 2")


def _from_members(whole: dict[str, Any]) -> Order:
    correlated = _checked(_Correlated, {"correlationid": whole.pop("correlationid", None)})
    return _request(whole, correlated.correlationid)


def _from_envelope(whole: dict[str, Any]) -> Order:
    # first of all: what the other members mean, only a known version says
    if whole.get("specversion") != "1.0":
        raise Refused(Fault.UNKNOWN_SPECVERSION, "specversion: write 1.0 as a text")
    envelope = _checked(_Envelope, whole)
    found = re.fullmatch(re.escape(PREFIX) + r"([a-z-]{1,40})\.v(\d{1,4})", envelope.type)
    if found is None or found[1] not in _COMMANDS:
        raise Refused(Fault.UNKNOWN_TYPE, f"type: {_WRITE['type']}")
    if found[2] != "1":
        raise Refused(Fault.UNKNOWN_VERSION, f"type: version {found[2]} is not known here, write .v1")
    if not isinstance(envelope.data, dict):
        raise Refused(Fault.NOT_AN_OBJECT, "data: write an object")
    return _COMMANDS[found[1]](envelope.data, envelope.correlationid)


def _request(data: dict[str, Any], correlation: str | None) -> Order:
    read = _checked(_RequestData, data)
    for name, given in (("publisher", read.publisher), ("replyTo", read.reply_to)):
        if given is not None:
            raise Refused(Fault.NOT_SUPPORTED, f"{name}: this version takes null only")
    return Order(_key(read), Request(_domain(read.domain), read.deadline, correlation))


def _domain(given: str | None) -> str | None:
    try:
        return None if given is None else parse_domain(given)
    except BadDomain as bad:
        raise Refused(Fault.BAD_DOMAIN, f"domain: {bad}") from None


def _bare(wish: Cancel | CheckNow | Resume) -> Callable[[dict[str, Any], str | None], Order]:
    return lambda data, _correlation: Order(_key(_checked(_Data, data)), wish)


_COMMANDS: dict[str, Callable[[dict[str, Any], str | None], Order]] = {
    "request": _request,
    "cancel": _bare(Cancel()),
    "check-now": _bare(CheckNow()),
    "resume": _bare(Resume()),
}


def _key(data: _Data) -> Key:
    return Key(data.organization_id, data.domain_id)


def _checked(model: type[Any], members: dict[str, Any]) -> Any:
    try:
        return model.model_validate(members)
    except ValidationError as wrong:
        error = wrong.errors(include_url=False, include_input=False)[0]
        member = ".".join(map(str, error["loc"][:1]))[:60] or "data"
        raise Refused(
            _fault(error["type"], member), f"{member}: {_advice(error['type'], member, error['msg'])}"
        ) from None


def _fault(kind: str, member: str) -> Fault:
    if member == "deadline":
        return Fault.BAD_DEADLINE
    known = {"missing": Fault.MISSING_MEMBER, "extra_forbidden": Fault.UNKNOWN_MEMBER}
    ranges = {"greater_than_equal", "less_than_equal", "string_too_long", "string_too_short", "string_pattern_mismatch"}
    return known.get(kind, Fault.OUT_OF_RANGE if kind in ranges else Fault.WRONG_TYPE)


def _advice(kind: str, member: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "is not a member of this message, leave it out"
    write = _WRITE.get(member, message[:1].lower() + message[1:])
    return f"is missing, {write}" if kind == "missing" else write
