"""Events as other services read them: CloudEvents 1.0 in structured JSON.

Plain `json` and not the cloudevents package: what goes out has eight known members, and must be the same bytes
whenever the same event is written.
"""

import json

from txtproof.core.events import Event
from txtproof.core.telling import stamp

SOURCE = "/txtproof"


def encode(event: Event) -> bytes:
    """Write an event; the same event always gives the same bytes."""
    envelope = {
        "specversion": "1.0",
        "type": f"com.txtproof.verification.{event.kind}.v1",
        "source": SOURCE,
        "id": event.id,
        "time": stamp(event.time),
        "subject": event.subject,
        # the sequence extension has strings; consumers compare them as numbers, per subject
        "sequence": str(event.sequence),
        "datacontenttype": "application/json",
        **({"correlationid": event.correlation_id} if event.correlation_id else {}),
        "data": dict(event.data),
    }
    return json.dumps(envelope, separators=(",", ":"), ensure_ascii=True).encode()
