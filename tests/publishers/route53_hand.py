"""A publisher for Route 53 as tests open it, and what they demand of an answer."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from tests.real_ministack import ZONE
from txtproof.adapters.publishers.route53.options import Route53Options
from txtproof.adapters.publishers.route53.publisher import Route53Publisher
from txtproof.core.observations import Ambiguous, Blocked, PublishAnswer, Unreachable, WithdrawAnswer

KEY = "AKIA" + secrets.token_hex(8).upper()
SECRET = secrets.token_hex(20)
CODE = b"the-code-that-must-never-be-shown"
Opener = Callable[..., Route53Publisher]


def options(url: str, *, seconds: float = 30, **more: Any) -> Route53Options:
    """Return options for the zone of the tests."""
    given: dict[str, Any] = {"access_key_id": SecretStr(KEY), "secret_access_key": SecretStr(SECRET)} | more
    timeout = timedelta(seconds=seconds)
    return Route53Options(name="aws", zones=(ZONE,), endpoint_url=url, call_timeout=timeout, **given)


@pytest.fixture
async def opened() -> AsyncIterator[Opener]:
    """Open publishers; all are closed in the end. `built`: with boto3's client, which takes its time to build."""
    async with AsyncExitStack() as closing:

        def one(url: str, *, built: bool = False, **more: Any) -> Route53Publisher:
            publisher = Route53Publisher(options(url, **more))
            closing.push_async_callback(publisher.aclose)
            if built:
                publisher._account.client()
            return publisher

        yield one


@pytest.fixture
def name() -> str:
    """Return a name that no other test has used."""
    return f"n{secrets.token_hex(6)}.{ZONE}"


def told(answer: PublishAnswer | WithdrawAnswer) -> tuple[str, str, str]:
    """Return kind, reason and text of a failure, which must be fit for a log and a person."""
    assert isinstance(answer, Blocked | Unreachable | Ambiguous), answer
    assert 0 < len(answer.detail) <= 200
    assert answer.detail.isprintable()
    for secret in (KEY, SECRET, CODE.decode()):
        assert secret not in repr(answer)
    return type(answer).__name__, answer.reason.value, answer.detail
