"""Events as other services read them, read here with the CloudEvents project's own library."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from txtproof.adapters.cloud_events import encode
from txtproof.core.events import Event, EventKind

NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
EVENT = Event(EventKind.VERIFIED, "v-1", "organizations/42/domains/7", 12, NOON, "signup-981", {"generation": 2})


def read(raw: bytes) -> Any:
    return JSONFormat().read(CloudEvent, raw)


def test_another_service_reads_an_event_with_its_own_library() -> None:
    event = read(encode(EVENT))
    assert event.get_attributes() == {
        "specversion": "1.0",
        "type": "com.txtproof.verification.verified.v1",
        "source": "/txtproof",
        "id": "v-1:12",
        "time": NOON.replace(microsecond=123000),
        "subject": "organizations/42/domains/7",
        "sequence": "12",
        "datacontenttype": "application/json",
        "correlationid": "signup-981",
    }
    assert event.get_data() == {"generation": 2}


def test_times_are_utc_with_z() -> None:
    assert b'"time":"2026-05-01T12:00:00.123Z"' in encode(EVENT)


def test_without_a_correlation_there_is_no_such_attribute() -> None:
    event = Event(EventKind.ACCEPTED, "v-1", "organizations/42/domains/7", 1, NOON)
    assert "correlationid" not in read(encode(event)).get_attributes()


def test_the_same_event_is_the_same_bytes() -> None:
    assert encode(EVENT) == encode(Event(EVENT.kind, "v-1", EVENT.subject, 12, NOON, "signup-981", {"generation": 2}))


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_has_its_type(kind: EventKind) -> None:
    event = read(encode(Event(kind, "v-1", "s", 1, NOON)))
    assert event.get_type() == f"com.txtproof.verification.{kind.value}.v1"
