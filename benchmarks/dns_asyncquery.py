"""`dns.asyncquery`: one question to one server; whoever calls it goes to the next server after a silence."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from benchmarks.dns_client import Ask
from benchmarks.dns_names import EXPECTED
from benchmarks.dns_task import LIFETIME, PROOFS, WITHIN, Task


@asynccontextmanager
async def opened(task: Task) -> AsyncIterator[Ask]:
    """There is nothing to open."""
    expected = EXPECTED.encode()

    async def ask(name: str) -> bool | None:
        query = dns.message.make_query(name, dns.rdatatype.TXT, use_edns=0, payload=1232)
        for address in task.addresses:
            try:
                # strangers' datagrams reach its sockets too: without this they would end the wait
                answer = await dns.asyncquery.udp(query, address, WITHIN, task.port, ignore_unexpected=True)
            except (dns.exception.DNSException, OSError):
                continue
            found = expected in _values(answer)
            return found if not found or task.kind != PROOFS else await everywhere(name)
        return None

    async def everywhere(name: str) -> bool | None:
        try:
            answers = await asyncio.gather(
                *(
                    dns.asyncquery.tcp(dns.message.make_query(name, kind, use_edns=0), address, LIFETIME, task.port)
                    for address in task.addresses
                    for kind in (dns.rdatatype.TXT, dns.rdatatype.SOA)
                )
            )
        except (dns.exception.DNSException, OSError, EOFError):
            return None
        return all(expected in _values(answer) for answer in answers[::2])

    yield ask


def _values(message: dns.message.Message) -> Iterable[bytes]:
    if message.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise RuntimeError(f"the name server answers {message.rcode()}")
    return [b"".join(one.strings) for rrset in message.answer for one in rrset if isinstance(one, TXT)]
