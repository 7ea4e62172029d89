"""The ways in: how another service hands a command over, so that it counts as accepted."""

import time
from typing import Protocol

import kombu
import redis

from tests.waiting import wait_until

PATIENCE = 60.0
"""Seconds that a sender goes on trying: what it was not told to be taken is not accepted."""
COMMANDS = "txtproof.commands"


class Door(Protocol):
    """Hand over a message, and return when the other side has it."""

    def send(self, body: bytes) -> None:
        """Send it again and again until that is confirmed."""


class StreamDoor:
    """The stream `txtproof:commands`."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)

    def send(self, body: bytes) -> None:
        """Append it; a lost reply makes it come twice, which is harmless."""
        wait_until(lambda: self._sent(body), "the stream to take a command", PATIENCE)

    def _sent(self, body: bytes) -> bool:
        try:
            self._redis.xadd("txtproof:commands", {"event": body})
        except redis.RedisError:
            time.sleep(0.1)
            return False
        return True


class QueueDoor:
    """The queue `txtproof.commands` of RabbitMQ, with publisher confirms."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, body: bytes) -> None:
        """Publish it, and wait for the confirm."""
        wait_until(lambda: self._sent(body), "the queue to take a command", PATIENCE)

    def _sent(self, body: bytes) -> bool:
        with kombu.Connection(self._url, transport_options={"confirm_publish": True}) as connection:
            broken: tuple[type[BaseException], ...] = (*connection.connection_errors, *connection.channel_errors)
            try:
                producer = kombu.Producer(connection)
                producer.publish(body, exchange="", routing_key=COMMANDS, content_type="application/json", retry=False)
            except broken:
                time.sleep(0.1)
                return False
        return True
