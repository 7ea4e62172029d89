"""JSON from strangers: bounded in size and depth before a parser sees it, and each member once (RFC 8259, 4)."""

import json
import re
from typing import Any, Never

from txtproof.adapters.message_faults import Fault, Refused

LARGEST = 64 * 1024
"""Bytes of a message."""
DEEPEST = 16
"""Brackets within brackets."""


def parse(raw: bytes) -> dict[str, Any]:
    """Read an object; raises Refused."""
    whole = parse_any(raw)
    if not isinstance(whole, dict):
        raise Refused(Fault.NOT_AN_OBJECT, "the message is not a JSON object")
    return whole


def parse_any(raw: bytes) -> Any:
    """Read whatever it is; raises Refused."""
    if len(raw) > LARGEST:
        raise Refused(Fault.TOO_LARGE, f"the message has {len(raw)} bytes: at most {LARGEST} are taken")
    if _depth(raw) > DEEPEST:
        raise Refused(Fault.TOO_DEEP, f"more than {DEEPEST} brackets within each other")
    try:
        return json.loads(raw.decode(), object_pairs_hook=_each_once, parse_constant=_no_constant)
    except Refused:
        raise
    except (ValueError, RecursionError):
        raise Refused(Fault.NOT_JSON, "the message is not JSON in UTF-8") from None


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
        raise Refused(Fault.NOT_JSON, "a member stands twice in one object")
    return whole


def _no_constant(name: str) -> Never:
    raise Refused(Fault.NOT_JSON, f"{name} is not JSON")


def unwritable(value: object) -> Never:
    """Refuse to write what JSON has no form for."""
    raise TypeError(type(value).__name__)
