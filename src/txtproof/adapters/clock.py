"""The one file that takes time and chance from this machine."""

import time
from uuid import uuid4


class MonotonicClock:
    """Port `Clock`: how time passes here; what the time is, the store says."""

    def elapsed(self) -> float:
        """Return seconds since some fixed instant, never going back."""
        return time.monotonic()


def new_id() -> str:
    """Return an id that no other verification or visit has."""
    return uuid4().hex
