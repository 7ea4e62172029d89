"""Threads beside Celery's own work, in the worker's main process: they begin and end with it."""

import logging
import threading
from abc import abstractmethod
from typing import Any

from celery import bootsteps

log = logging.getLogger(__name__)

ENDS_WITHIN = 10.0
"""Seconds; a thread looks about once a second whether it shall end."""


class ThreadStep(bootsteps.StartStopStep):
    """A thread that runs from the worker's start, once its pool has forked, to its stop."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **_: object) -> None:
        self.app = parent.app
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name=f"txtproof-{type(self).__name__}", daemon=True)
        super().__init__(parent)

    @abstractmethod
    def run(self) -> None:
        """Work until `stopping` is set."""

    def start(self, _parent: Any) -> None:
        """Begin."""
        self._thread.start()

    def close(self, _parent: Any) -> None:
        """Ask the thread to end: all threads are asked before the first is waited for."""
        self.stopping.set()

    def stop(self, parent: Any) -> None:
        """Wait for the end."""
        self.close(parent)
        if self._thread.is_alive():
            self._thread.join(ENDS_WITHIN)
            if self._thread.is_alive():
                log.error("%s does not end", self._thread.name)

    def terminate(self, parent: Any) -> None:
        """Stop, at a cold shutdown too."""
        self.stop(parent)
