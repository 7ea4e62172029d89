"""Domain verification as one Celery task per domain: what a team would write first, with the settings it would find.

It is here to lose and to double work (tests/faults/control/test_control.py), not to be copied.
"""

import json
import os
from datetime import UTC, datetime
from typing import Any

import celery
import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import dns.tsig
import dns.update
import httpx
import redis

AGAIN = 2
"""Seconds until the next look."""

app = celery.Celery("control", broker=os.environ["CONTROL_BROKER"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    task_default_queue="control",
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": int(os.environ["CONTROL_VISIBILITY"])},
)


@app.task(name="control.verify", bind=True, max_retries=None)
def verify(self: Any, domain_id: int, domain: str, zone: str, code: str | None = None) -> None:
    """Ask for a code, publish it, and look again and again until it is served."""
    try:
        if code is None:
            code = _code(domain_id)
            _publish(zone, domain, code)
        served = _served(domain, code)
    except (httpx.HTTPError, OSError, EOFError, dns.exception.DNSException):
        served = False
    if not served:
        raise self.retry(
            args=(), kwargs={"domain_id": domain_id, "domain": domain, "zone": zone, "code": code}, countdown=AGAIN
        )
    _tell(self.request.id, domain_id)


def _code(domain_id: int) -> str:
    headers = {
        "Authorization": f"Bearer {os.environ['TXTPROOF_NEXUS__BEARER_TOKEN']}",
        "ApplicationToken": os.environ["TXTPROOF_NEXUS__APPLICATION_TOKEN"],
    }
    url = f"{os.environ['TXTPROOF_NEXUS__BASE_URL']}/v1/organizations/1/domains/{domain_id}/generate-code"
    response = httpx.post(url, headers=headers, timeout=10).raise_for_status()
    return str(response.json()["verificationCode"])


def _publish(zone: str, domain: str, code: str) -> None:
    update = dns.update.UpdateMessage(zone)
    update.add(f"{domain}.", 300, "TXT", f'"{code}"')
    update.use_tsig(dns.tsig.Key("arena", os.environ["ARENA_SECRET"], dns.tsig.HMAC_SHA256))
    dns.query.tcp(update, "127.0.0.1", 5, int(os.environ["TXTPROOF_DNS__AUTHORITATIVE_PORT"]))


def _served(domain: str, code: str) -> bool:
    query = dns.message.make_query(domain, dns.rdatatype.TXT)
    port = int(os.environ["TXTPROOF_DNS__AUTHORITATIVE_PORT"])
    return all(code in str(dns.query.udp(query, one, 2, port).answer) for one in ("127.0.0.1", "127.0.0.2"))


def _tell(task: str, domain_id: int) -> None:
    """Tell what the judge reads, on the stream that it reads."""
    data = {"organizationId": 1, "domainId": domain_id, "verificationId": task, "generation": 1}
    event = {
        "id": f"{task}:1",
        "type": "com.txtproof.verification.verified.v1",
        "sequence": "1",
        "time": datetime.now(UTC).isoformat(),
        "data": data,
    }
    with redis.Redis.from_url(os.environ["CONTROL_BROKER"]) as client:
        client.xadd("txtproof:events", {"event": json.dumps(event)})
