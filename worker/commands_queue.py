"""The queue `txtproof.commands` on RabbitMQ: how it is declared, read and settled.

Celery's consumer never sees it, and kombu's Message neither: a malformed body ends the one, and the other unpacks what
is compressed before anybody may ask how large it gets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from amqp.exceptions import AMQPError
from kombu import Connection

from config.celery_options import COMMANDS, CONNECTS_WITHIN
from txtproof.reception import Letter

REJECTED = "txtproof.rejected"
"""Exchange and queue where RabbitMQ leaves what was refused, whole; the problem is on stream `txtproof:rejected`."""
REJECTED_KEPT = 256 * 1024 * 1024
"""Bytes of refused messages that are kept, about; the oldest go."""
DELIVERIES = 100_000
"""Connections that a message may see lost before it counts as refused. RabbitMQ 4 says 20 by itself, and a worker that
is killed, or that finds its store away, is one of them."""
HEARTBEAT = 10
"""Seconds: what a worker that is frozen was given goes to others when two of them were missed, as on the stream."""
AT_ONCE = 500
"""Messages taken in one go, and the most that a worker holds."""
BYTES_AT_ONCE = 8 * 1024 * 1024
"""No further message is read beyond that many: the others wait in the network."""
GATHERS = 0.002
"""Seconds of silence after which a batch is what has come by then."""
LOST = (*Connection("amqp://").connection_errors, *Connection("amqp://").channel_errors)
"""What kombu raises when the connection is lost or refused, or the channel closed by the server."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One message, and the number that the server knows it by on this channel."""

    tag: int
    letter: Letter


class CommandsQueue:
    """Consume the queue for as long as the `with` block lasts; afterwards, what is not settled comes again.

    Every method raises one of `LOST`.
    """

    def __init__(self, url: str, transport_options: Mapping[str, Any]) -> None:
        self._connection = Connection(
            url, connect_timeout=CONNECTS_WITHIN, heartbeat=HEARTBEAT, transport_options=dict(transport_options)
        )
        self._arrived: list[Delivered] = []
        self._channel: Any = None

    def __enter__(self) -> Self:
        try:
            self._connection.connect()
            declare(self._connection)
            self._channel = self._connection.channel()
            # else py-amqp makes text of bytes where it can
            self._channel.auto_decode = False
            self._channel.basic_qos(0, AT_ONCE, False)
            self._channel.basic_consume(COMMANDS, callback=self._arrives)
        except BaseException:
            self._connection.collect()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # not in order, which would read all that is under way first
        self._connection.collect()

    def read(self, wait: float) -> list[Delivered]:
        """Return what has come, at most `AT_ONCE`, waiting so many seconds for the first."""
        self._arrived = []
        while self._has_room() and self._came_something(GATHERS if self._arrived else wait):
            pass
        self._connection.heartbeat_check()
        return self._arrived

    def settle(self, read: Sequence[Delivered], refused: Sequence[Delivered]) -> None:
        """Acknowledge all that was read, but for what was refused: that goes to the dead-letter exchange."""
        for one in refused:
            self._channel.basic_reject(one.tag, requeue=False)
        if len(refused) < len(read):
            self._channel.basic_ack(read[-1].tag, multiple=True)

    def _has_room(self) -> bool:
        return len(self._arrived) < AT_ONCE and sum(len(one.letter.body) for one in self._arrived) < BYTES_AT_ONCE

    def _came_something(self, wait: float) -> bool:
        before = len(self._arrived)
        try:
            self._connection.drain_events(timeout=wait)
        except TimeoutError:
            return False
        return len(self._arrived) > before

    def _arrives(self, message: Any) -> None:
        headers = message.properties.get("application_headers") or {}
        self._arrived.append(Delivered(message.delivery_tag, Letter(message.body or b"", headers.get("task"))))


def declare(connection: Connection) -> None:
    """Have the queue, and the exchange and queue behind it where what is refused goes."""
    channel: Any = connection.default_channel
    channel.exchange_declare(REJECTED, "fanout", durable=True, auto_delete=False)
    _declare_queue(connection, REJECTED, {"x-max-length-bytes": REJECTED_KEPT})
    channel.queue_bind(REJECTED, REJECTED)
    _declare_queue(connection, COMMANDS, {"x-dead-letter-exchange": REJECTED}, {"x-delivery-limit": DELIVERIES})


def _declare_queue(
    connection: Connection, name: str, arguments: dict[str, Any], quorum_only: dict[str, Any] | None = None
) -> None:
    """Have a quorum queue; where there is one of the name, it is taken as it is: an operator may know better.

    A classic one where the server has no quorum queues.
    """
    quorum = {"x-queue-type": "quorum", **arguments, **(quorum_only or {})}
    answer: AMQPError | None = None
    for options in ({"passive": True}, {"arguments": quorum}, {"arguments": arguments}):
        # a connection each: a server without quorum queues closes the one that it is asked on
        with connection.clone() as asking:
            channel: Any = asking.default_channel
            try:
                channel.queue_declare(name, durable=True, auto_delete=False, **options)
            except AMQPError as refusal:
                answer = refusal
            else:
                return
    assert answer is not None, "it was asked"
    raise answer
