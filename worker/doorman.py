"""Celery's consumer, with a doorman: only messages that a task of ours can take come in.

Celery 5.7 unpacks headers and body in its main process and lets most errors of that go up: one body `5` ends the
worker, comes again, and ends the next. A held eta costs memory for as long as a stranger likes, and a time limit in a
header overrides ours. docs/operations.md says what becomes of such messages.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker import consumer

log = logging.getLogger(__name__)

LARGEST = 64 * 1024
"""Bytes of a body; the contract's limit for commands, and bells are far below it."""
HEADERS = ("task", "id", "expires", "lang", "origin")
"""All that a task of ours needs to know of its message; each a text."""


class Consumer(consumer.Consumer):
    """Take messages as Celery does, once they have been looked at."""

    strategies: dict[str, Any]
    connection_errors: tuple[type[Exception], ...]

    def create_task_handler(self, *options: Any) -> Callable[[Any], None]:
        """Return what is called with each message."""
        handle = super().create_task_handler(*options)

        def receive(message: Any) -> None:
            reason = look_over(message, self.strategies.keys())
            if reason is None:
                handle(message)
                return
            # not a word of it: it may hold anything
            log.warning("a message on %s is refused: %s", _queue(message), reason)
            message.reject_log_error(log, self.connection_errors)

        return receive


def look_over(message: Any, tasks: Any) -> str | None:
    """Reduce a message to what tasks of ours may be told; return why it is refused, where it is.

    Its eta and time limits fall away: nothing waits in a worker's memory, and the limits are ours.
    """
    try:
        message.headers = {name: message.headers[name] for name in HEADERS if message.headers.get(name) is not None}
        if not all(isinstance(value, str) for value in message.headers.values()):
            return "headers that are no texts"
        if message.headers.get("task") not in tasks or "id" not in message.headers:
            return "no task of ours"
        if len(message.body) > LARGEST:
            return "too large"
        return None if _protocol_2(message.payload) else "no body of Celery's protocol 2"
    except Exception as fault:  # noqa: BLE001  # whatever is wrong with it, it is the stranger's
        return type(fault).__name__


def _protocol_2(payload: Any) -> bool:
    """Say whether a body is `[args, kwargs, embed]`, with nothing embedded that the worker would have to send on."""
    match payload:
        case [list(), dict() as members, dict() | None as embedded]:
            return all(isinstance(name, str) for name in members) and not any((embedded or {}).values())
        case _:
            return False


def _queue(message: Any) -> str:
    return str(message.delivery_info.get("routing_key"))[:60] if isinstance(message.delivery_info, dict) else "?"
