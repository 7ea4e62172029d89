"""What the command line shows of a verification: as data for machines, as sentences for people. Pure."""

import json
from datetime import datetime
from typing import Any

from txtproof.core.doubts import SENTENCES, doubts
from txtproof.core.explaining import awaited, because, explained
from txtproof.core.model import State, Verification
from txtproof.core.reasons import EXPLANATIONS
from txtproof.core.removal import is_left_over, litter
from txtproof.core.telling import evidence, identity, stamp

_HAPPY = {
    State.REQUESTED: "A code is being requested from Nexus.",
    State.PUBLISHING: "The record is being written.",
    State.CHECKING: "The record is published; the name servers are being asked for it.",
    State.VERIFIED: "The domain's name servers serve the code.",
}

_BY_HAND = "The record is to be written by hand; the name servers are being asked for it."


def as_data(v: Verification) -> dict[str, Any]:
    """Return what `--json` shows: the contract's names, times in RFC 3339, never a code."""
    explanation = EXPLANATIONS[v.reason] if v.reason else None
    return {
        **identity(v),
        "reason": v.reason.value if v.reason else None,
        "sentence": sentence(v),
        "advice": explanation.advice if explanation else None,
        "detail": v.detail or None,
        "recordRequired": {"type": "TXT", "name": line.name} if (line := awaited(v)) else None,
        "nextLook": stamp(v.wake),
        "nextLookBecause": because(v) or None,
        "warnings": [one.value for one in doubts(v)],
        "expires": stamp(v.code.expires) if v.code else None,
        "deadline": stamp(v.deadline),
        "servers": evidence(v.servers),
        "history": [
            {"time": stamp(one.time), "state": one.state.value, "reason": one.reason.value if one.reason else None}
            for one in v.history
        ],
    }


def sentence(v: Verification) -> str:
    """Say in one sentence why a domain is where it is."""
    if v.reason:
        return explained(v.reason, "", v.servers)
    return _BY_HAND if awaited(v) else _HAPPY[v.state]


def as_text(v: Verification, now: datetime) -> str:
    """Return what `status` shows: the sentence first, then what happens next, then the evidence."""
    lines = [f"{title(v)} is {v.state.value}: {sentence(v)}"]
    if v.detail:
        lines.append(f"  {v.detail}")
    if v.reason and not v.state.terminal:
        lines.append(f"  What to do: {EXPLANATIONS[v.reason].advice}")
    if line := awaited(v):
        lines.append(f"  To be written by hand: TXT at {line.name}; the event record-required has the value")
    if v.wake is not None:
        why = because(v)
        lines.append(f"  Next: {v.step} at {stamp(v.wake)}{_ahead(v.wake, now)}{f': {why}' if why else ''}")
    if is_left_over(v):
        lines.append(f"  Values that are to go still stand in DNS: see `txtproof leftovers {v.key}`")
    if v.code is not None:
        assumed = " (assumed: Nexus gave none)" if v.code.assumed else ""
        lines.append(f"  Code {v.generation} expires at {stamp(v.code.expires)}{assumed}")
    lines += [f"  Warning: {SENTENCES[one]}" for one in doubts(v)]
    if not v.state.terminal:
        lines.append(f"  Deadline: {stamp(v.deadline)}")
    lines += [
        f"  {one.server} ({one.address}): {one.outcome}{f', serial {one.serial}' if one.serial is not None else ''}"
        for one in v.servers
    ]
    lines.append("  History:")
    lines += [
        f"    {stamp(one.time)}  {one.state.value}{f' ({one.reason})' if one.reason else ''}" for one in v.history
    ]
    return "\n".join(map(printable, lines))


def as_line(v: Verification) -> str:
    """Return one line of `list`."""
    reason = f"  {v.reason}" if v.reason else ""
    return printable(f"{v.key!s:<24}{v.state.value:<12}{v.domain or '-'}{reason}")


def event_line(raw: bytes) -> str:
    """Return one line of `events`; what is no event of ours is shown as it stands."""
    text = raw.decode(errors="replace")
    try:
        event = json.loads(text)
        data = event["data"]
        kind = event["type"].removeprefix("com.txtproof.").removeprefix("verification.").removesuffix(".v1")
        told = [str(data[name]) for name in ("domain", "reason", "title", "detail", "credential") if data.get(name)]
        told += map(str, data.get("warnings", ()))
        whose = f"{data['organizationId']}/{data['domainId']}" if "domainId" in data else ""
        line = f"{event['time']}  {whose:<13}{kind:<20}{'  '.join(told)}"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        line = text
    return printable(line.rstrip())


def leftovers_data(v: Verification) -> list[dict[str, Any]]:
    """Return what `leftovers --json` shows: where each value stands, and never the value."""
    useless = litter(v)
    return [
        {
            **identity(v),
            "generation": line.generation,
            "publisher": line.publisher,
            "zone": line.zone,
            "name": line.name,
            "kept": line not in useless,
        }
        for line in v.ledger
    ]


def leftovers_lines(v: Verification) -> list[str]:
    """Return the lines of `leftovers`."""
    return [
        printable(
            f"{v.key!s:<24}{v.state.value:<12}{'kept' if one['kept'] else 'to go':<7}{one['name']}"
            f"  (publisher {one['publisher']}, zone {one['zone'] or '.'})"
        )
        for one in leftovers_data(v)
    ]


def title(v: Verification) -> str:
    """Name a verification for a person."""
    return f"{v.domain} ({v.key})" if v.domain else str(v.key)


def printable(text: str) -> str:
    """Escape what could steer a terminal or forge a line: texts come from DNS and from Nexus."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _ahead(time: datetime, now: datetime) -> str:
    seconds = round((time - now).total_seconds())
    return f" (in {seconds} s)" if seconds > 0 else " (now)"


def json_line(data: Any) -> str:
    """Return data as JSON in one line."""
    return json.dumps(data, separators=(",", ":"))
