"""kombu's transport over Redis, with its weak places held: lost connections, what is no message, unheard bells."""

import logging
from queue import Empty
from typing import Any

from kombu.transport import redis

from config.celery_options import BELLS_KEPT, WORK

log = logging.getLogger(__name__)


class QoS(redis.QoS):
    """Messages that are not acknowledged yet.

    After a connection that was lost there is none to say anything about them by, and kombu's attempt ends the worker.
    They come back by themselves when their visibility timeout is over.
    """

    def ack(self, delivery_tag: str) -> None:
        """Take a message off the server, where there still is a connection to do it with."""
        if self._connected:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002  # as kombu calls it
        """Put a message back, or take it off, where there still is a connection to do it with."""
        if self._connected:
            super().reject(delivery_tag, requeue)

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Put them back at the end of a channel, where there still is a connection to do it with."""
        if self._connected:
            super().restore_unacked_once(stderr)
        else:
            self._on_collect.cancel()  # type: ignore[attr-defined]  # the stubs leave it out

    @property
    def _connected(self) -> bool:
        connection = self.channel.connection
        return connection is not None and connection.client is not None


class Channel(redis.Channel):
    """Read and write the lists."""

    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        """Read what was popped. kombu lets the error about what is not JSON go up, which ends the worker."""
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # the stubs leave it out
        except (ValueError, RecursionError) as fault:
            log.warning("what was on a queue and is not JSON is gone: %s", type(fault).__name__)
            raise Empty from None

    def _put(self, queue: str, message: Any, **options: Any) -> None:
        """Put a message on a list; bells that have waited the longest go, where there are too many."""
        super()._put(queue, message, **options)
        if queue == WORK:
            with self.conn_or_acquire() as client:
                client.ltrim(queue, 0, BELLS_KEPT - 1)


class Transport(redis.Transport):
    """Deliver what the channel reads."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str | None) -> None:
        """Deliver a message; what has not the shape of one is gone, since it was popped, and harms nobody."""
        try:
            super()._deliver(message, queue)
        except (ValueError, TypeError, LookupError, AttributeError) as fault:
            log.warning("%s: what was no message of kombu's is gone: %s", queue, type(fault).__name__)
