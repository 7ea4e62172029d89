"""The seven rules, on a Route 53 that refuses what is not exactly what stands there."""

from datetime import timedelta

import pytest
from dns.rdataclass import IN
from dns.rdatatype import TXT as TXT_TYPE
from dns.rdtypes.ANY.TXT import TXT

from tests.real_ministack import MiniStack, ministack
from txtproof.adapters.publishers.route53.options import Route53Options
from txtproof.adapters.publishers.route53.publisher import Route53Publisher
from txtproof.testing.publisher_contract import PublisherContract, World

__all__ = ["ministack"]


def takes(value: bytes) -> bool:
    """Say whether a value fits into 4,000 characters; dnspython's escapes are in decimal, and as long as octal ones."""
    strings = [value[at : at + 255] for at in range(0, len(value), 255)]
    return len(TXT(IN, TXT_TYPE, strings).to_text()) <= 4000


class TestRoute53(PublisherContract):
    @pytest.fixture
    def world(self, ministack: MiniStack) -> World:
        options = Route53Options(
            name="aws",
            zones=(ministack.zone,),
            access_key_id=ministack.access_key_id,
            secret_access_key=ministack.secret_access_key,
            endpoint_url=ministack.url,
            call_timeout=timedelta(seconds=20),
        )

        def opened() -> Route53Publisher:
            publisher = Route53Publisher(options)
            # built beforehand: a call that is cancelled is to be cancelled at its requests
            publisher._account.client()
            return publisher

        return World(ministack.zone, ministack, opened, takes)
