"""Faults of messages: hostile ones at the intake and on the Celery queue, and a row that kills who works on it."""

import json
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import kombu

from tests.faults.arena import ORGANIZATION, WORK_QUEUE
from tests.faults.fault import Stage
from tests.faults.processes import kill
from tests.waiting import wait_until
from txtproof.core.model import Key
from txtproof.rehearsal.nexus import Answer

HANDLED_WITHIN = 1.0
"""Seconds until the next good message is accepted."""
BACK_WITHIN = 30.0
"""Seconds until workers that a message has ended are back at work."""
MAX_CLAIMS = 5
TAKEN_UP_WITHIN = 10.0
PARKED_WITHIN = 70.0
GOOD = {"organizationId": ORGANIZATION, "domainId": 1_000_000, "domain": "example.test"}
EVENT = {"specversion": "1.0", "type": "com.txtproof.verification.request.v1", "source": "/arena", "id": "1"}
HOSTILE: dict[str, tuple[bytes, str]] = {
    "text": (b"verify example.test please", "not_json"),
    "a number": (b"5", "not_an_object"),
    "10 MB": (b'{"domain": "' + b"x" * 10_000_000 + b'"}', "too_large"),
    "deep nesting": (b"[" * 20_000 + b"]" * 20_000, "too_deep"),
    "NaN": (b'{"organizationId": NaN, "domainId": 1}', "not_json"),
    "a wrong type": (json.dumps(GOOD | {"domainId": "7"}).encode(), "wrong_type"),
    "out of range": (json.dumps(GOOD | {"domainId": 2**31}).encode(), "out_of_range"),
    "an unknown version": (json.dumps(EVENT | {"specversion": "9.9", "data": GOOD}).encode(), "unknown_specversion"),
    "an unknown type": (json.dumps(EVENT | {"type": "com.example.v1", "data": GOOD}).encode(), "unknown_type"),
    "a bad name": (json.dumps(GOOD | {"domain": "xn--a.test"}).encode(), "bad_domain"),
    "no UTF-8": (b'{"domain": "\xff\xfe"}', "not_json"),
}
"""Each with the reason that it must be refused for."""


def strangers_send_hostile_messages(stage: Stage) -> None:
    """Send each hostile message with a good one after it; each is set aside with its reason, and harms nobody."""
    arena = stage.arena
    cohort = stage.cohort(len(HOSTILE))
    with arena.redis() as client:
        wait_until(client.ping, "the store", 10)
        already = client.xlen("txtproof:rejected")
        for (what, (body, _)), request in zip(HOSTILE.items(), cohort.requests, strict=True):
            arena.door.send(body)
            arena.request([request])
            sent = time.monotonic()
            wait_until(lambda key=request.key: "accepted" in arena.outbox.kinds(key), what, 10)  # type: ignore[misc]  # a default binds it
            took = time.monotonic() - sent
            stage.expect(took < HANDLED_WITHIN, f"{what}: the next good message was accepted after {took:.1f} s")
        entries: Any = wait_until(
            lambda: found if len(found := client.xrange("txtproof:rejected")) >= already + len(HOSTILE) else None,
            "every hostile message to be set aside",
            10,
        )
    reasons = Counter(json.loads(fields[b"problem"])["type"].split(":")[-1] for _, fields in entries[already:])
    wanted = Counter(reason for _, reason in HOSTILE.values())
    stage.expect(reasons == wanted, f"set aside for {dict(reasons)}, not for {dict(wanted)}")


def strangers_write_on_the_celery_queue(stage: Stage) -> None:
    """Put on Celery's own queue what no producer should; verifications go on, and whoever dies of it comes back."""
    arena = stage.arena
    queue = WORK_QUEUE
    for what, (headers, body, content_type) in _celery_messages().items():
        with kombu.Connection(arena.broker_url) as connection:
            producer = kombu.Producer(connection)
            producer.publish(
                body,
                exchange="",
                routing_key=queue,
                headers=headers,
                content_type=content_type,
                content_encoding="utf-8" if content_type == "application/json" else "binary",
            )
        arena.strike()
        cohort = stage.cohort(3)
        arena.request(cohort.requests)
        try:
            arena.wait_until_ended(cohort.keys, BACK_WITHIN)
        except AssertionError:
            stage.expect(False, f"{what}: verifications stood still for {BACK_WITHIN} s")
    if not arena.broker_url.startswith("amqp"):
        with arena.redis() as client:
            client.lpush(queue, b"no message at all")
        cohort = stage.cohort(3)
        arena.request(cohort.requests)
        arena.wait_until_ended(cohort.keys, BACK_WITHIN)


def _celery_messages() -> dict[str, tuple[dict[str, Any], bytes, str]]:
    def headers(task: str, **more: Any) -> dict[str, Any]:
        name = str(uuid4())
        known = {"lang": "py", "task": task, "id": name, "root_id": name, "parent_id": None, "group": None}
        return {**known, **more}

    no_arguments = json.dumps([[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode()
    for_ever = (datetime.now(UTC) + timedelta(days=36_500)).isoformat()
    return {
        "a body of 5": (headers("verification.sweep"), b"5", "application/json"),
        "an unknown task": (headers("somebody.elses"), no_arguments, "application/json"),
        "pickle": (headers("verification.sweep"), b"\x80\x04N.", "application/x-python-serialize"),
        "a far eta": (headers("verification.sweep", eta=for_ever), no_arguments, "application/json"),
        "arguments that nobody takes": (
            headers("verification.sweep"),
            json.dumps([[b64encode(b"x").decode()], {"y": 1}, {}]).encode(),
            "application/json",
        ),
    }


def a_row_kills_who_works_on_it(stage: Stage) -> None:
    """Kill the pool process that calls Nexus for one key, each time; after five claims it is parked, alone."""
    arena = stage.arena
    poison = stage.cohort(1, answers=[Answer(after=timedelta(seconds=20))] * (MAX_CLAIMS + 3))
    neighbours = stage.cohort(15, answers=[Answer(after=timedelta(seconds=0.2))])
    (key,) = poison.keys
    arena.request([*neighbours.requests[:5], *poison.requests, *neighbours.requests[5:]])
    kills = 0
    deadline = time.monotonic() + PARKED_WITHIN
    while "blocked" not in arena.outbox.kinds(key) and time.monotonic() < deadline:
        if callers := arena.callers([key]):
            arena.strike()
            kills += kill(callers)
            _wait_until_gone(stage, key)
        time.sleep(0.02)
    stage.expect(kills == MAX_CLAIMS, f"{kills} processes were killed before it was parked, not {MAX_CLAIMS}")
    reasons = [one.reason for one in arena.outbox.of(key) if one.kind == "blocked"]
    stage.expect(reasons == ["poison"], f"it was blocked for {reasons}")
    arena.wait_until_ended(neighbours.keys, TAKEN_UP_WITHIN)
    stage.expect(f"{key}" in _txtproof(stage, "parked"), "`txtproof parked` does not list it")
    arena.nexus.unscript(key.organization_id, key.domain_id)
    arena.strike()
    _txtproof(stage, "release", str(key))
    arena.wait_until_ended([key], TAKEN_UP_WITHIN)


def _wait_until_gone(stage: Stage, key: Key) -> None:
    wait_until(lambda: key not in stage.arena.nexus.in_flight, "the call of a dead process to end", 10)


def _txtproof(stage: Stage, *words: str) -> str:
    """Run the operator's command; what goes wrong is a complaint."""
    environ = {**os.environ, **stage.arena.environ, "PYTHONPATH": "src"}
    done = subprocess.run([sys.executable, "-m", "txtproof", *words], env=environ, capture_output=True, check=False)
    stage.expect(done.returncode == 0, f"`txtproof {' '.join(words)}`: {done.stderr.decode()[-200:]}")
    return done.stdout.decode()
