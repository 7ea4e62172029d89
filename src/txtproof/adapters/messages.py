"""Commands as strangers write them: everything is refused that is not exactly what the contract says.

Nothing here raises for what is read; a Refusal names the member and what to write. The envelope is checked with
pydantic like the data: the cloudevents package accepts unknown versions, and raises on hostile input.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Never

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from txtproof.core.model import MAX_ID, Key
from txtproof.core.observations import Cancel, Resume
from txtproof.core.orders import Order, Refusal, Request
from txtproof.domains import BadDomain, parse_domain

LARGEST = 64 * 1024
"""Bytes of a message."""
DEEPEST = 16
"""Brackets within brackets."""
PREFIX = "com.txtproof.verification."


class Fault(StrEnum):
    """Why a message is refused."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_SPECVERSION = "unknown_specversion"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_MEMBER = "unknown_member"
    MISSING_MEMBER = "missing_member"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    BAD_DOMAIN = "bad_domain"
    BAD_DEADLINE = "bad_deadline"
    NOT_SUPPORTED = "not_supported"


class _Refused(ValueError):
    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(fault.value, _clean(detail))


def _moment(given: Any) -> Any:
    """Insist on RFC 3339 text: pydantic would take a number for a time."""
    if given is not None and (not isinstance(given, str) or not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:", given)):
        raise ValueError("write RFC 3339 with an offset, such as 2026-05-08T12:00:00Z")
    return given


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


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore")

    specversion: Any = None
    type: Annotated[str, Field(strict=True, max_length=200)]
    correlationid: Correlation | None = None
    data: Any


def read_order(raw: bytes) -> Order | Refusal:
    """Read a message of the stream: a CloudEvent (structured mode), or a request's bare `data`."""
    try:
        whole = _parsed(raw)
        if "specversion" not in whole:
            return _request(whole, None)
        return _from_envelope(whole)
    except _Refused as refused:
        return refused.refusal


def read_request(members: Mapping[str, object]) -> Order | Refusal:
    """Read the keyword arguments of the Celery task: the members of a request's `data`, and `correlationid`."""
    try:
        # the same road as text from the stream: what JSON cannot hold was never in a message
        raw = json.dumps(dict(members), default=_unwritable).encode()
        whole = _parsed(raw)
        correlation = whole.pop("correlationid", None)
        checked = _checked(_Envelope, {"type": "-", "data": None, "correlationid": correlation})
        return _request(whole, checked.correlationid)
    except _Refused as refused:
        return refused.refusal
    except (TypeError, ValueError, RecursionError):
        return Refusal(Fault.NOT_JSON.value, "the arguments cannot be written as JSON: write members of the contract")


def problem(refusal: Refusal) -> bytes:
    """Write a refusal as a problem (RFC 9457, 3)."""
    status = {"too_large": 413, "not_found": 404, "ended": 409}.get(refusal.reason, 400)
    title = refusal.reason.replace("_", " ")
    body = {"type": f"urn:txtproof:problem:{refusal.reason}", "title": title, "status": status}
    return json.dumps({**body, "detail": refusal.detail}, separators=(",", ":")).encode()


def _from_envelope(whole: dict[str, Any]) -> Order:
    envelope = _checked(_Envelope, whole)
    if envelope.specversion != "1.0":
        raise _Refused(Fault.UNKNOWN_SPECVERSION, "specversion: write 1.0")
    found = re.fullmatch(re.escape(PREFIX) + r"([a-z-]{1,40})\.v(\d{1,4})", envelope.type)
    if found is None or found[1] not in _COMMANDS:
        raise _Refused(Fault.UNKNOWN_TYPE, f"type: write {PREFIX}request.v1, .cancel.v1 or .resume.v1")
    if found[2] != "1":
        raise _Refused(Fault.UNKNOWN_VERSION, f"type: version {found[2]} is not known here, write .v1")
    if not isinstance(envelope.data, dict):
        raise _Refused(Fault.NOT_AN_OBJECT, "data: write an object")
    return _COMMANDS[found[1]](envelope.data, envelope.correlationid)


def _request(data: dict[str, Any], correlation: str | None) -> Order:
    read = _checked(_RequestData, data)
    for name, given in (("publisher", read.publisher), ("replyTo", read.reply_to)):
        if given is not None:
            raise _Refused(Fault.NOT_SUPPORTED, f"{name}: this version takes null only")
    return Order(_key(read), Request(_domain(read.domain), read.deadline, correlation))


def _domain(given: str | None) -> str | None:
    try:
        return None if given is None else parse_domain(given)
    except BadDomain as bad:
        raise _Refused(Fault.BAD_DOMAIN, f"domain: {bad}") from None


def _cancel(data: dict[str, Any], _correlation: str | None) -> Order:
    return Order(_key(_checked(_Data, data)), Cancel())


def _resume(data: dict[str, Any], _correlation: str | None) -> Order:
    return Order(_key(_checked(_Data, data)), Resume())


_COMMANDS: dict[str, Callable[[dict[str, Any], str | None], Order]] = {
    "request": _request,
    "cancel": _cancel,
    "resume": _resume,
}


def _key(data: _Data) -> Key:
    return Key(data.organization_id, data.domain_id)


def _parsed(raw: bytes) -> dict[str, Any]:
    if len(raw) > LARGEST:
        raise _Refused(Fault.TOO_LARGE, f"the message has {len(raw)} bytes: at most {LARGEST} are taken")
    if _depth(raw) > DEEPEST:
        raise _Refused(Fault.TOO_DEEP, f"more than {DEEPEST} brackets within each other")
    try:
        whole = json.loads(raw.decode(), object_pairs_hook=_each_once, parse_constant=_no_constant)
    except _Refused:
        raise
    except (ValueError, RecursionError):
        raise _Refused(Fault.NOT_JSON, "the message is not JSON in UTF-8") from None
    if not isinstance(whole, dict):
        raise _Refused(Fault.NOT_AN_OBJECT, "the message is not a JSON object")
    return whole


def _depth(raw: bytes) -> int:
    """Return how deep brackets go, strings left out: before a parser goes down there."""
    depth = deepest = 0
    for mark in re.finditer(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', raw, re.DOTALL):
        if mark[0] in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif mark[0] in (b"]", b"}"):
            depth -= 1
    return deepest


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) < len(pairs):
        raise _Refused(Fault.NOT_JSON, "a member stands twice in one object")
    return whole


def _no_constant(name: str) -> Never:
    raise _Refused(Fault.NOT_JSON, f"{name} is not JSON")


def _unwritable(value: object) -> Never:
    raise TypeError(type(value).__name__)


def _checked(model: type[Any], members: dict[str, Any]) -> Any:
    try:
        return model.model_validate(members)
    except ValidationError as wrong:
        error = wrong.errors(include_url=False, include_input=False)[0]
        member = ".".join(map(str, error["loc"][:1])) or "data"
        raise _Refused(
            _fault(error["type"], member), f"{member}: {_advice(error['type'], member, error['msg'])}"
        ) from None


def _fault(kind: str, member: str) -> Fault:
    if member == "deadline":
        return Fault.BAD_DEADLINE
    known = {"missing": Fault.MISSING_MEMBER, "extra_forbidden": Fault.UNKNOWN_MEMBER}
    ranges = {"greater_than_equal", "less_than_equal", "string_too_long", "string_too_short", "string_pattern_mismatch"}
    return known.get(kind, Fault.OUT_OF_RANGE if kind in ranges else Fault.WRONG_TYPE)


def _advice(kind: str, member: str, message: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a member of this message"
    if member in ("organizationId", "domainId"):
        return f"write a whole number from 1 to {MAX_ID}"
    if member == "deadline":
        return "write RFC 3339 with an offset, such as 2026-05-08T12:00:00Z"
    return message[:1].lower() + message[1:]


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:200]
