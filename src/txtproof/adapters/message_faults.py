"""What can be wrong with a command, and how its sender is told."""

import json
from enum import StrEnum

from txtproof.core.orders import Refusal


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


class Refused(ValueError):
    """Carry a refusal up to whoever reads the message; it goes no further."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(fault.value, _clean(detail))


def problem(refusal: Refusal) -> bytes:
    """Write a refusal as a problem (RFC 9457, 3)."""
    status = {"too_large": 413, "not_found": 404, "ended": 409}.get(refusal.reason, 400)
    title = refusal.reason.replace("_", " ")
    body = {"type": f"urn:txtproof:problem:{refusal.reason}", "title": title, "status": status}
    return json.dumps({**body, "detail": refusal.detail}, separators=(",", ":")).encode()


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:200]
