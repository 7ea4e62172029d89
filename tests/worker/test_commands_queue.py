"""The queue `txtproof.commands` on a real RabbitMQ: declared, read in batches, settled, and proof against strangers."""

from collections.abc import Iterator
from struct import pack
from typing import Any

import amqp
import pytest
from amqp.exceptions import PreconditionFailed

from config.celery_options import COMMANDS
from tests.real_rabbitmq import RealRabbit, need_rabbitmq
from tests.waiting import wait_until
from worker.amqp_frames import tolerant_frame_handler
from worker.commands_queue import AT_ONCE, BYTES_AT_ONCE, REJECTED, CommandsQueue, Delivered


def opened(rabbit: RealRabbit) -> CommandsQueue:
    return CommandsQueue(rabbit.url, {"frame_handler": tolerant_frame_handler})


@pytest.fixture
def queue(rabbitmq: RealRabbit) -> Iterator[CommandsQueue]:
    with opened(rabbitmq) as queue:
        yield queue


def publish(rabbit: RealRabbit, *messages: amqp.Message) -> None:
    with rabbit.connect() as connection:
        channel: Any = connection.default_channel
        for message in messages:
            channel.basic_publish(message, routing_key=COMMANDS)


def bodies(read: list[Delivered]) -> list[bytes]:
    return [one.letter.body for one in read]


def redeclare(rabbit: RealRabbit, **arguments: Any) -> None:
    with rabbit.connect() as connection:
        channel: Any = connection.default_channel
        channel.queue_declare(COMMANDS, durable=True, auto_delete=False, arguments=arguments)


def test_messages_come_as_bytes_whatever_their_headers_claim(rabbitmq: RealRabbit, queue: CommandsQueue) -> None:
    packed = amqp.Message(b"packed", application_headers={"compression": "application/x-gzip", "task": "t"})
    publish(rabbitmq, amqp.Message("é", content_encoding="utf-8"), amqp.Message(b"\xff", content_encoding="x"), packed)
    read = queue.read(5)
    assert bodies(read) == ["é".encode(), b"\xff", b"packed"]
    assert [one.letter.task for one in read] == [None, None, "t"]


def test_what_is_not_settled_comes_again(rabbitmq: RealRabbit, queue: CommandsQueue) -> None:
    publish(rabbitmq, *[amqp.Message(body) for body in (b"1", b"2", b"3", b"4")])
    read = wait_until(lambda: queue.read(1), "the messages")
    queue.settle(read[:2], read[:1])
    queue.__exit__(None, None, None)
    with opened(rabbitmq) as another:
        assert bodies(wait_until(lambda: another.read(1), "them again")) == [b"3", b"4"]
    assert rabbitmq.depth(REJECTED) == 1


def test_no_batch_is_larger_than_it_may_be(rabbitmq: RealRabbit, queue: CommandsQueue) -> None:
    publish(rabbitmq, *[amqp.Message(b"x")] * (AT_ONCE + 100))
    sizes: list[int] = []
    while sum(sizes) < AT_ONCE + 100:
        read = queue.read(5)
        assert read, "all must come"
        sizes.append(len(read))
        queue.settle(read, [])
    assert max(sizes) <= AT_ONCE
    publish(rabbitmq, *[amqp.Message(b"x" * (BYTES_AT_ONCE // 2))] * 4)
    assert len(queue.read(5)) <= 3


CONTENT_TYPE = 1 << 15
HEADERS = 1 << 13


class Raw(amqp.Message):
    """A message whose properties no client library would write."""

    def __init__(self, flags: int, written: bytes) -> None:
        super().__init__(b"body")
        self.written = pack(">H", flags) + written

    def _serialize_properties(self) -> bytes:
        return self.written


@pytest.mark.parametrize(
    "message",
    [
        Raw(CONTENT_TYPE, b"\x02\xff\xfe"),
        Raw(HEADERS, pack(">I", 11) + b"\x01tT" + pack(">Q", 2**62)),
    ],
    ids=["a type that is no UTF-8", "a header with a time beyond the calendar"],
)
def test_properties_that_cannot_be_read_cost_the_message_its_properties_and_nobody_the_connection(
    rabbitmq: RealRabbit, queue: CommandsQueue, message: amqp.Message
) -> None:
    publish(rabbitmq, message, amqp.Message(b"next"))
    assert bodies(queue.read(5)) == [b"body", b"next"]


def test_the_queue_is_a_quorum_queue_with_a_dead_letter_exchange(rabbitmq: RealRabbit, queue: CommandsQueue) -> None:
    with pytest.raises(PreconditionFailed, match="inequivalent arg"):
        redeclare(rabbitmq)
    limited = {"x-dead-letter-exchange": REJECTED, "x-delivery-limit": 100_000}
    redeclare(rabbitmq, **{"x-queue-type": "quorum", **limited})


def test_a_queue_that_stands_there_already_is_taken_as_it_is(rabbitmq: RealRabbit) -> None:
    redeclare(rabbitmq, **{"x-max-length": 7})
    with opened(rabbitmq) as queue:
        publish(rabbitmq, amqp.Message(b"1"))
        assert bodies(queue.read(5)) == [b"1"]


def test_a_server_without_quorum_queues_gets_a_classic_one_with_a_dead_letter_exchange() -> None:
    need_rabbitmq()
    with RealRabbit(feature_flags="") as old, opened(old) as queue:
        publish(old, amqp.Message(b"1"))
        read = queue.read(5)
        queue.settle(read, read)
        wait_until(lambda: old.depth(REJECTED) == 1, "the dead letter")
