"""What lexicon raises, as an answer: by status and type alone, since its texts may hold the secret."""

from datetime import UTC, datetime
from typing import Any

import requests
from lexicon.exceptions import AuthenticationError

from txtproof.adapters.http_fields import http_date, retry_after
from txtproof.adapters.publishers.lexicon.http import Call, Late
from txtproof.adapters.publishers.lexicon.provider import NoSuchZone
from txtproof.core.observations import Ambiguous, Blocked, Unreachable
from txtproof.core.reasons import Reason

CROWDED = frozenset({409, 412, 423})
"""Somebody else is writing at this moment."""


def answered(fault: BaseException, call: Call, who: str, *, signed_in: bool) -> Blocked | Unreachable | Ambiguous:
    """Say what an exception means; `signed_in`: the provider had found the zone."""
    response = _response(fault)
    if response is not None:
        return _by_status(response, who, signed_in=signed_in)
    kind = type(fault).__name__
    match fault:
        case NoSuchZone() | AuthenticationError():
            # lexicon raises the same for a zone that is not there and for a credential that is wrong, and gives no
            # status where it was the zone
            return Blocked(Reason.NO_ZONE, f"{who} does not find the zone")
        case AssertionError() if not signed_in:
            return Blocked(Reason.PUBLISHER_AUTH, f"{who} lacks a setting")
        case Late() | requests.Timeout():
            return cut_short(call, f"{who} gave no answer in time")
        case requests.ConnectionError():
            return cut_short(call, f"{who} cannot be connected to")
        case _:
            return cut_short(call, f"{who} raised {kind[:60]}")


def cut_short(call: Call, detail: str) -> Unreachable | Ambiguous:
    """Say that a call came to no answer: once something was written, that may have taken effect."""
    if call.wrote:
        return Ambiguous(Reason.PUBLISHER_UNREACHABLE, detail)
    return Unreachable(Reason.PUBLISHER_UNREACHABLE, detail)


def _by_status(response: Any, who: str, *, signed_in: bool) -> Blocked | Unreachable | Ambiguous:
    status = int(response.status_code)
    detail = f"{who} answered {status}"
    if status == 401:
        return Blocked(Reason.PUBLISHER_AUTH, detail)
    if status == 404:
        # a record that was listed a moment ago is gone: some are fetched one by one, and all are deleted so
        return Unreachable(Reason.CONFLICT, detail) if signed_in else Blocked(Reason.NO_ZONE, detail)
    if status == 429:
        now = http_date(response.headers.get("Date")) or datetime.now(UTC)
        return Unreachable(Reason.RATE_LIMITED, detail, retry_after(response.headers.get("Retry-After"), now))
    if status in CROWDED:
        return Unreachable(Reason.CONFLICT, detail)
    if status >= 500 or status == 408:
        return Unreachable(Reason.PUBLISHER_UNREACHABLE, detail)
    return Blocked(Reason.PUBLISHER_REFUSED, detail)


def _response(fault: BaseException) -> Any | None:
    """Return the HTTP answer that an exception, or one of those behind it, is about."""
    behind: BaseException | None = fault
    for _ in range(5):
        if behind is None:
            break
        response = getattr(behind, "response", None)
        if isinstance(response, requests.Response):
            return response
        behind = behind.__cause__ or behind.__context__
    return None
