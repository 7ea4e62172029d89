"""Waiting for what shall come about, and not a moment longer."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], what: str, seconds: float = 20.0) -> T:
    """Return what the predicate returns as soon as that is true; fail with `what` when it is not in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = predicate()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)
