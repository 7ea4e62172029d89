"""The seven rules, at a service that is told by webhooks and keeps real records; and what is told."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from tests.contracts.test_publisher import InMemory
from tests.publishers.receiver import SECRET, ZONE, Receiver
from txtproof.adapters.publishers.webhook.publisher import (
    SAME_FOR,
    WebhookOptions,
    WebhookPublisher,
    check_webhook_secret,
    signed,
)
from txtproof.core.observations import Blocked, Published, Withdrawn
from txtproof.core.reasons import Reason
from txtproof.testing.publisher_contract import PublisherContract, World

NAME = f"_verify.{ZONE}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


def options(receiver: Receiver) -> WebhookOptions:
    return WebhookOptions(
        name="platform",
        zones=(ZONE,),
        url=receiver.url,
        secret=SecretStr(SECRET),
        allow_private=True,
        call_timeout=timedelta(seconds=20),
    )


def is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


class TestWebhook(PublisherContract):
    @pytest.fixture
    def world(self, receiver: Receiver) -> World:
        return World(ZONE, InMemory(receiver.zones), lambda: options(receiver).open(), takes=is_text, lists=False)


async def test_what_is_told_is_all_that_is_needed_to_write_it(receiver: Receiver) -> None:
    publisher = options(receiver).open()
    try:
        assert await publisher.ensure_txt(ZONE, NAME, "Prüfwert".encode(), 60, [b"old", b"old"]) == Published()
        assert await publisher.remove_txt(ZONE, NAME, "Prüfwert".encode()) == Withdrawn()
    finally:
        await publisher.aclose()
    record = {"zone": ZONE, "name": NAME, "type": "TXT", "value": "Prüfwert"}
    assert [told.wish for told in receiver.told] == [
        {"action": "present", **record, "ttl": 60, "replaces": ["old"]},
        {"action": "cleanup", **record},
    ]
    assert {told.headers["content-type"] for told in receiver.told} == {"application/json"}


async def test_a_wish_that_is_repeated_at_once_has_the_same_id_and_no_other_wish_has_it(receiver: Receiver) -> None:
    now = time.time()
    publisher = WebhookPublisher(options(receiver), now=lambda: now)
    try:
        for value, replaces in [(b"code", []), (b"code", []), (b"other", []), (b"code", [b"other"])]:
            assert isinstance(await publisher.ensure_txt(ZONE, NAME, value, 60, replaces), Published)
        assert await publisher.remove_txt(ZONE, NAME, b"code") == Withdrawn()
    finally:
        await publisher.aclose()
    first, again, *others = [told.headers["webhook-id"] for told in receiver.told]
    assert first == again
    assert len({first, *others}) == 4


def test_an_id_lasts_as_long_as_a_message_counts_and_says_nothing_of_the_value() -> None:
    key, body = check_webhook_secret(SecretStr(SECRET)), b'{"value":"code"}'
    first, last, later = (signed(body, key, 300_000 + passed) for passed in (0, SAME_FOR - 1, SAME_FOR))
    assert first["webhook-id"] == last["webhook-id"]
    assert first["webhook-signature"] != last["webhook-signature"]
    assert last["webhook-id"] != later["webhook-id"], "the record may have gone meanwhile: it is a wish of its own"
    other = signed(body, b"another key of twenty-four bytes", 300_000)
    assert other["webhook-id"] != first["webhook-id"], "who has no key cannot guess the value by the id"


@pytest.mark.parametrize("value", [b"", b"\xff\xfe", "\ud800".encode(errors="surrogatepass")])
async def test_a_value_that_is_no_text_is_refused_before_anybody_is_told(receiver: Receiver, value: bytes) -> None:
    publisher = options(receiver).open()
    try:
        for answer in (
            await publisher.ensure_txt(ZONE, NAME, value, 60),
            await publisher.ensure_txt(ZONE, NAME, b"code", 60, [value]),
            await publisher.remove_txt(ZONE, NAME, value),
        ):
            assert isinstance(answer, Blocked)
            assert answer.reason is Reason.INVALID_VALUE
    finally:
        await publisher.aclose()
    assert receiver.told == []
