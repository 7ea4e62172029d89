"""open-mpic-core: its check of a TXT record, which asks by `dns.asyncresolver`; its resolver is set to our servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.asyncresolver
from open_mpic_core import (  # type: ignore[import-not-found]  # in an environment of its own
    DcvCheckRequest,
    DcvDnsChangeValidationParameters,
    DnsRecordType,
    MpicDcvChecker,
)

from benchmarks.dns_asyncresolver import resolver_of
from benchmarks.dns_client import Ask
from benchmarks.dns_names import EXPECTED
from benchmarks.dns_task import LIFETIME, WITHIN, Task


@asynccontextmanager
async def opened(task: Task) -> AsyncIterator[Ask]:
    """Make a checker."""
    # it takes the default resolver, and knows no other way
    setattr(dns.asyncresolver, "default_resolver", resolver_of(task, *task.addresses))  # noqa: B010  # typed as None
    checker = MpicDcvChecker(dns_timeout=WITHIN, dns_resolution_lifetime=LIFETIME)

    async def ask(name: str) -> bool | None:
        wanted = DcvDnsChangeValidationParameters(
            challenge_value=EXPECTED, dns_record_type=DnsRecordType.TXT, require_exact_match=True
        )
        seen = await checker.check_dcv(DcvCheckRequest(domain_or_ip_target=name, dcv_check_parameters=wanted))
        return bool(seen.check_passed) if seen.check_completed else None

    yield ask
