"""Events as other services read them: CloudEvents 1.0 in structured JSON.

Plain `json` and not the cloudevents package: what goes out has eight known members, and must be the same bytes
whenever the same event is written.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from txtproof.core.events import Event, Json
from txtproof.core.telling import stamp
from txtproof.ports import Turn, Verdict

SOURCE = "/txtproof"


CREDENTIAL_WORDS = {Verdict.REFUSED: "refused", Verdict.TAKEN: "accepted"}


def encode(event: Event) -> bytes:
    """Write an event; the same event always gives the same bytes."""
    more: dict[str, Json] = {"sequence": str(event.sequence)}
    # the sequence extension has strings; consumers compare them as numbers, per subject
    if event.correlation_id:
        more["correlationid"] = event.correlation_id
    kind = f"com.txtproof.verification.{event.kind}.v1"
    return _enveloped(kind, event.id, stamp(event.time), event.subject, more, event.data)


def encode_credential(turn: Turn, verdict: Verdict) -> bytes:
    """Write what a call has shown of its credential: that it is refused, or is accepted again."""
    kind = f"com.txtproof.credential.{CREDENTIAL_WORDS[verdict]}.v1"
    subject = f"credentials/{turn.credential}"
    return _enveloped(kind, turn.id, stamp(turn.taken), subject, {}, {"credential": turn.credential})


def encode_trimmed(groups: Sequence[str], time: datetime) -> bytes:
    """Write that events were removed which these consumer groups had not read."""
    kind, when = "com.txtproof.events.trimmed.v1", stamp(time)
    return _enveloped(kind, f"trimmed:{when}", when, "events", {}, {"groups": [*groups]})


def _enveloped(
    kind: str, identity: str, time: str | None, subject: str, more: Mapping[str, Json], data: Mapping[str, Json]
) -> bytes:
    envelope = {
        "specversion": "1.0",
        "type": kind,
        "source": SOURCE,
        "id": identity,
        "time": time,
        "subject": subject,
        "datacontenttype": "application/json",
        **more,
        "data": dict(data),
    }
    return json.dumps(envelope, separators=(",", ":"), ensure_ascii=True).encode()
