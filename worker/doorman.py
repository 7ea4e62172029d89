"""Celery's consumer, with a doorman: only messages that a task of ours can take come in.

Celery 5.7 unpacks headers and body in its main process and lets most errors of that go up: one body `5` ends the
worker, comes again, and ends the next. A held eta costs memory for as long as a stranger likes, and a time limit in a
header overrides ours. docs/operations.md says what becomes of such messages.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from celery import Celery
from celery.worker import consumer

log = logging.getLogger(__name__)

LARGEST = 64 * 1024
"""Bytes of a body; the contract's limit for commands, and bells are far below it."""
OURS = "verification."
"""What names of our tasks begin with; Celery's own run whatever they are handed."""
HEADERS = ("task", "id", "expires", "lang", "origin")
"""All that a task of ours needs to know of its message; each a text."""


class Consumer(consumer.Consumer):
    """Take messages as Celery does, once they have been looked at."""

    app: Celery
    connection_errors: tuple[type[Exception], ...]

    def create_task_handler(self, *options: Any) -> Callable[[Any], None]:
        """Return what is called with each message."""
        handle = super().create_task_handler(*options)
        tasks = {name: task for name, task in self.app.tasks.items() if name.startswith(OURS)}

        def receive(message: Any) -> None:
            reason = look_over(message, tasks)
            if reason is None:
                handle(message)
            else:
                self._refuse(message, reason)

        return receive

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Refuse what kombu could not unpack."""
        self._refuse(message, type(exc).__name__)

    def on_invalid_task(self, _body: Any, message: Any, exc: Exception) -> None:
        """Refuse what Celery finds wrong."""
        self._refuse(message, type(exc).__name__)

    def _refuse(self, message: Any, reason: str) -> None:
        # not a word of it, which Celery would log: it may hold anything
        log.warning("a message on a queue of Celery's is refused: %s", reason)
        message.reject_log_error(log, self.connection_errors)


def look_over(message: Any, tasks: Mapping[str, Any]) -> str | None:
    """Reduce a message to what tasks of ours may be told; return why it is refused, where it is.

    Its eta and time limits fall away: nothing waits in a worker's memory, and the limits are ours.
    """
    try:
        headers = {name: message.headers[name] for name in HEADERS if message.headers.get(name) is not None}
        if not all(isinstance(value, str) for value in headers.values()) or "id" not in headers:
            return "its headers"
        if headers.get("task") not in tasks:
            return "no task of ours"
        if len(message.body) > LARGEST:
            return "too large"
        message.headers = headers
        return _unfit(message.payload, tasks[headers["task"]])
    except Exception as fault:  # noqa: BLE001  # whatever is wrong with it, it is the stranger's
        return type(fault).__name__


def _unfit(payload: Any, task: Any) -> str | None:
    """Say what a body lacks to be `[args, kwargs, embed]` that the task takes, with nothing in it to be sent on."""
    match payload:
        case [list() as args, dict() as members, dict() | None as embedded] if not any((embedded or {}).values()):
            # Celery's own check of a call, which it makes where one is sent: raises TypeError
            task.__header__(*args, **members)
            return None
        case _:
            return "no body of Celery's protocol 2"
