"""The floor of a verification's latency: the same calls to Nexus and DNS, one after the other, and nothing else."""

import asyncio
import time

import dns.asyncquery
import dns.message
import dns.name
import dns.rdatatype
import dns.tsig
import dns.update
import httpx

from benchmarks.bind import ADDRESSES, Bind
from benchmarks.knot import KEY, ZONE
from benchmarks.rows import ORGANIZATION, domain_of
from txtproof.rehearsal.nexus import Credentials

WITHIN = 5.0
"""Seconds for one call."""


def bare_calls(nexus_url: str, server: Bind, numbers: range) -> list[float]:
    """Verify each domain by hand; return the seconds that each took."""
    return asyncio.run(_bare_calls(nexus_url, server, numbers))


async def _bare_calls(nexus_url: str, server: Bind, numbers: range) -> list[float]:
    known = Credentials()
    headers = {"Authorization": f"Bearer {known.token}", known.header: known.application_token}
    took = []
    async with httpx.AsyncClient(base_url=nexus_url, headers=headers, trust_env=False) as client:
        for number in numbers:
            begun = time.monotonic()
            await _verified(client, server, number)
            took.append(time.monotonic() - begun)
    return took


async def _verified(client: httpx.AsyncClient, server: Bind, number: int) -> None:
    answer = await client.post(f"/v1/organizations/{ORGANIZATION}/domains/{number}/generate-code")
    code = answer.raise_for_status().json()["verificationCode"]
    update = dns.update.UpdateMessage(ZONE, keyring=dns.tsig.Key(KEY, server.secret, dns.tsig.HMAC_SHA256))
    name = dns.name.from_text(domain_of(number))
    update.add(name, 60, "TXT", f'"{code}"')
    await dns.asyncquery.tcp(update, ADDRESSES[0], WITHIN, server.port)
    query = dns.message.make_query(name, dns.rdatatype.TXT)
    seen = await asyncio.gather(*(dns.asyncquery.tcp(query, one, WITHIN, server.port) for one in ADDRESSES))
    if any(code not in str(message.answer) for message in seen):
        raise RuntimeError(f"{name} does not serve its code")
