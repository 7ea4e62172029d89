"""A customer writes the record by hand: real processes, a name server, and nobody who could write but the customer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import redis

from tests.waiting import wait_until
from txtproof.rehearsal.processes import ROOT, Celery
from txtproof.rehearsal.world import SPF, SPF_TTL, World, zone_with_spf

CUSTOMER = "customer.test"
KEY = "42/7"
PUBLISHERS = '[[publishers]]\nname = "customers"\nkind = "manual"\nzones = ["."]\n'


def events(client: redis.Redis) -> list[dict[str, Any]]:
    entries: Any = client.xrange("txtproof:events")
    return [json.loads(fields[b"event"]) for _, fields in entries]


def told(client: redis.Redis, kind: str) -> dict[str, Any] | None:
    return next((one["data"] for one in events(client) if one["type"].endswith(f".{kind}.v1")), None)


def txtproof(environ: dict[str, str], *arguments: str) -> str:
    """Run the command as an operator does."""
    command = [sys.executable, "-m", "txtproof", *arguments]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": "src"} | environ, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert not done.stderr, done.stderr
    return done.stdout


def test_a_customer_writes_what_the_event_says_and_the_domain_is_verified(redis_url: str, tmp_path: Path) -> None:
    publishers, log, later = (tmp_path / name for name in ("publishers.toml", "celery.log", "later.log"))
    publishers.write_text(PUBLISHERS)
    with World([zone_with_spf(CUSTOMER)], redis_url=redis_url) as world, redis.Redis.from_url(redis_url) as client:
        environ = world.settings | {"TXTPROOF_CONFIG_FILE": str(publishers)}
        world.nexus.register(42, 7, CUSTOMER)
        with Celery("worker", environ, log), Celery("beat", environ, log):
            txtproof(environ, "request", *KEY.split("/"))
            required: Any = wait_until(lambda: told(client, "record-required"), "the event for the customer")
            wait_until(lambda: told(client, "checked"), "the first look")
            status = txtproof(environ, "status", KEY)
            shown = [status, txtproof(environ, "status", KEY, "--json"), txtproof(environ, "events")]

            assert world.dns.changes == []
        # nobody works meanwhile: a look by the schedule could end it before the customer has said so
        values = [SPF, json.dumps(required["value"])]
        world.dns.put(CUSTOMER, required["name"], required["type"], SPF_TTL, *values)
        txtproof(environ, "check-now", KEY)
        with Celery("worker", environ, later), Celery("beat", environ, later):
            wait_until(lambda: told(client, "verified"), "the match")

        assert f"To be written by hand: TXT at {CUSTOMER}; the event record-required has the value" in status
        assert world.dns.changes == [], "only the customer has written"
        kinds = [one["type"].split(".")[-2] for one in events(client)]
        assert [kind for kind in kinds if kind != "checked"] == [
            "accepted",
            "code-issued",
            "record-required",
            "verified",
        ]
        shown += [
            log.read_text(),
            later.read_text(),
            *(json.dumps(one) for one in events(client) if "record-required" not in one["type"]),
        ]
        assert not [one for one in shown if required["value"] in one], "the code is in one event alone"
