"""What a team would write without txtproof: one Celery task per domain that looks, and retries itself with a countdown.

The same broker, name server, cores, curve and questions as the engine; no store, no events, no evidence, one server
asked and believed. Start it with `celery -A benchmarks.baseline worker`.
"""

import os
from typing import Any

import dns.resolver
from celery import Celery

from txtproof.core.schedule import pause_after

NAME = "baseline.check_domain"

app = Celery("baseline", broker=os.environ.get("BASELINE_BROKER", "redis://127.0.0.1:1/0"))
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=int(os.environ.get("BASELINE_PREFETCH", "1")),
    broker_connection_retry_on_startup=True,
)

_resolver = dns.resolver.Resolver(configure=False)
_resolver.nameservers = ["127.0.0.1"]
_resolver.port = int(os.environ.get("BASELINE_DNS_PORT", "53"))
_resolver.lifetime = 10.0


@app.task(name=NAME, bind=True, max_retries=None)
def check_domain(self: Any, domain: str, expected: str) -> None:
    """Look for the code at the domain; look again later where it is not there."""
    try:
        answer = _resolver.resolve(f"{domain}.", "TXT")
        found = [b"".join(record.strings).decode() for record in answer]
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        found = []
    if expected not in found:
        raise self.retry(countdown=pause_after(self.request.retries + 1).total_seconds())
