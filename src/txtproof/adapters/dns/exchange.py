"""One question to one address: UDP, TCP where UDP does not do, and every way to fail as a value."""

import asyncio
import time
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from txtproof.core.reasons import Reason

PAYLOAD = 1232
"""EDNS buffer size that needs no fragments (DNS Flag Day 2020)."""
UDP_WITHIN = 2.0
TCP_WITHIN = 3.0
"""Seconds for one try."""

_NO_EDNS = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a message, or the reason why none did."""

    message: dns.message.Message | None
    failure: Reason | None
    took_ms: int


async def ask(
    name: dns.name.Name,
    kind: dns.rdatatype.RdataType,
    address: str,
    port: int,
    *,
    recurse: bool = False,
    tcp: bool = False,
) -> Reply:
    """Ask once: over UDP, then over TCP on truncation or silence; or over TCP alone.

    The library draws the id and the system the source port at random, and what does not echo id and question is not
    taken for an answer (RFC 5452, 9.1, 9.2).
    """
    begun = time.monotonic()
    query = dns.message.make_query(name, kind, flags=dns.flags.RD if recurse else 0, use_edns=0, payload=PAYLOAD)
    message, failure = await _sent(query, address, port, tcp=tcp)
    if message is not None and message.rcode() in _NO_EDNS:
        # a server from before EDNS: once more without (RFC 6891, 7)
        query.use_edns(False)
        message, failure = await _sent(query, address, port, tcp=tcp)
    return Reply(message, failure, round((time.monotonic() - begun) * 1000))


async def _sent(
    query: dns.message.Message, address: str, port: int, *, tcp: bool
) -> tuple[dns.message.Message | None, Reason | None]:
    if not tcp:
        try:
            # errors are ignored until the time is up: a forger must not be able to end the wait with garbage
            return await dns.asyncquery.udp(
                query, address, UDP_WITHIN, port, ignore_unexpected=True, raise_on_truncation=True, ignore_errors=True
            ), None
        except dns.message.Truncated:
            pass
        except (OSError, dns.exception.DNSException):
            pass
    try:
        async with asyncio.timeout(TCP_WITHIN):
            return await dns.asyncquery.tcp(query, address, TCP_WITHIN, port), None
    except (TimeoutError, dns.exception.Timeout):
        return None, Reason.TIMEOUT
    except (OSError, EOFError):
        return None, Reason.TIMEOUT
    except dns.exception.DNSException:
        # what came was no answer to this question
        return None, Reason.LAME
