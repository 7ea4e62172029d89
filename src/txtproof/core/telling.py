"""What goes into an event: fixed per kind, the same everywhere; no code and no TXT value, but where one is required."""

from datetime import datetime, timedelta

from txtproof.core.decisions import Decision
from txtproof.core.doubts import doubts
from txtproof.core.events import Event, EventKind, Json
from txtproof.core.evidence import ServerView
from txtproof.core.model import State, Verification
from txtproof.core.reasons import EXPLANATIONS
from txtproof.core.values import replace

DAILY = timedelta(days=1)

ENDINGS: dict[State, EventKind] = {
    State.VERIFIED: EventKind.VERIFIED,
    State.FAILED: EventKind.FAILED,
    State.EXPIRED: EventKind.EXPIRED,
    State.CANCELLED: EventKind.CANCELLED,
}


def tell(decision: Decision, kind: EventKind, now: datetime, **data: Json) -> Decision:
    """Add an event about the verification as the decision leaves it."""
    v = replace(decision.verification, sequence=decision.verification.sequence + 1)
    event = Event(
        kind=kind,
        verification_id=v.id,
        subject=v.key.subject,
        sequence=v.sequence,
        time=now,
        correlation_id=v.correlation_id,
        data=identity(v) | data,
    )
    return replace(decision, verification=v, events=(*decision.events, event))


def identity(v: Verification) -> dict[str, Json]:
    """Return what every event says of its verification."""
    return {
        "organizationId": v.key.organization_id,
        "domainId": v.key.domain_id,
        "domain": v.domain,
        "verificationId": v.id,
        "state": v.state.value,
        "generation": v.generation,
    }


def problem(v: Verification) -> dict[str, Json]:
    """Return why a verification is where it is: the word, the sentence, the advice, the particulars."""
    if v.reason is None:
        return {}
    explanation = EXPLANATIONS[v.reason]
    return {
        "reason": v.reason.value,
        "title": explanation.sentence,
        "advice": explanation.advice,
        "detail": v.detail,
    }


def warnings(v: Verification) -> dict[str, Json]:
    """Return what speaks against the code as a proof: a word for each."""
    return {"warnings": [one.value for one in doubts(v)]}


def evidence(servers: tuple[ServerView, ...]) -> Json:
    """Return what each name server said."""
    return [
        {
            "server": view.server,
            "address": view.address,
            "outcome": view.outcome,
            "rcode": view.rcode,
            "authoritative": view.authoritative,
            "serial": view.serial,
            "values": view.values,
            "tookMs": view.took_ms,
            "authenticated": view.authenticated,
            "error": view.error or None,
            "node": view.node or None,
        }
        for view in servers
    ]


def stamp(time: datetime | None) -> str | None:
    """Write an instant as RFC 3339 in UTC, to the millisecond."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z") if time else None
