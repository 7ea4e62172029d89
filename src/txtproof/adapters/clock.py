"""The one file that reads this machine's clock."""

import time


class MonotonicClock:
    """Port `Clock`: how time passes here; what the time is, the store says."""

    def elapsed(self) -> float:
        """Return seconds since some fixed instant, never going back."""
        return time.monotonic()
