"""What tests of the PowerDNS publisher share: a publisher, and what its answers must never show."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from pydantic import SecretStr

from txtproof.adapters.publishers.powerdns.publisher import PowerDnsOptions, PowerDnsPublisher
from txtproof.core.observations import Ambiguous, Blocked, PublishAnswer, Unreachable, WithdrawAnswer
from txtproof.core.reasons import Reason

ZONE = "example.test"
CODE = b"the-code-that-must-never-be-shown"
NEIGHBOUR = b"the-neighbour-that-must-never-be-shown"


_opened: list[PowerDnsPublisher] = []


def publisher(url: str, api_key: str, *, server_id: str = "localhost", seconds: float = 20) -> PowerDnsPublisher:
    """Open a publisher, which `listened` closes."""
    options = PowerDnsOptions("hosting", (ZONE,), url, SecretStr(api_key), server_id, timedelta(seconds=seconds))
    _opened.append(options.open())
    return _opened[-1]


def reason(answer: PublishAnswer | WithdrawAnswer) -> Reason:
    """Return the reason of a failure, whose text must be fit for a log and a person."""
    assert isinstance(answer, Blocked | Unreachable | Ambiguous), answer
    assert 0 < len(answer.detail) <= 200
    assert answer.detail.isprintable()
    assert_hidden(repr(answer))
    return answer.reason


def assert_hidden(said: str, *secrets: str) -> None:
    for secret in (CODE.decode(), NEIGHBOUR.decode(), *secrets):
        assert secret not in said


@asynccontextmanager
async def listened(caplog: pytest.LogCaptureFixture, *secrets: str) -> AsyncIterator[None]:
    """Hear all that is logged within the block, libraries included: nothing of it shows a secret."""
    with caplog.at_level("DEBUG"):
        yield
        while _opened:
            await _opened.pop().aclose()
    for record in caplog.get_records("call"):
        assert_hidden(f"{record.getMessage()} {vars(record)!r}", *secrets)
