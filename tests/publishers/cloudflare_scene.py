"""What the tests of the Cloudflare publisher share: the stand-in, a token, a code, and what may be shown."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from tests.publishers.cloudflare_api import CloudflareApi
from tests.publishers.cloudflare_zones import Zone
from txtproof.adapters.publishers.cloudflare.publisher import CloudflareOptions, CloudflarePublisher
from txtproof.core.observations import Ambiguous, Blocked, PublishAnswer, Unreachable, WithdrawAnswer
from txtproof.core.reasons import Reason

ZONE = "example.test"
TOKEN = "cloudflare-token-hunter2"
CODE = b"the-code-that-must-never-be-shown"


@pytest.fixture(scope="module")
def running() -> Iterator[CloudflareApi]:
    """Run the stand-in; its zones are each test's own."""
    with CloudflareApi(TOKEN) as started:
        yield started


@pytest.fixture
def api(running: CloudflareApi, zone: Zone) -> CloudflareApi:
    """Have it hold the test's zone."""
    return running.begin(zone)


@pytest.fixture
async def publisher(api: CloudflareApi) -> AsyncIterator[CloudflarePublisher]:
    """Open a publisher there."""
    opened = options(api).open()
    yield opened
    await opened.aclose()


def options(
    api: CloudflareApi, *, token: str = TOKEN, seconds: float = 20, zone_id: str | None = None
) -> CloudflareOptions:
    """Return what opens a publisher at a stand-in."""
    return CloudflareOptions(
        name="cloudflare",
        zones=(ZONE,),
        api_token=SecretStr(token),
        zone_id=zone_id,
        base_url=api.base_url,
        call_timeout=timedelta(seconds=seconds),
    )


def reason(answer: PublishAnswer | WithdrawAnswer) -> Reason:
    """Return the reason of a failure, whose text must be fit for a log and a person."""
    assert isinstance(answer, Blocked | Unreachable | Ambiguous), answer
    assert answer.detail
    assert len(answer.detail) <= 200
    assert answer.detail.isprintable()
    assert CODE.decode() not in repr(answer)
    assert TOKEN not in repr(answer)
    return answer.reason
