"""Time that passes when it is told to."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class ManualClock:
    """Port `Clock`, and the time of day for every stand-in that is given it."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._now = start

    def now(self) -> datetime:
        """Return the time, aware."""
        return self._now

    def elapsed(self) -> float:
        """Return seconds since the start."""
        return (self._now - self._start).total_seconds()

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
