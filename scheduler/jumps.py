"""Jumps: a clock that is put forward, as where a machine wakes up, makes leases seem over that are not."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

LEAST = timedelta(seconds=10)
"""Far less than a lease has to spare, and more than clocks differ by in a turn."""


class Jumps:
    """Notices jumps of a clock, by one that nobody sets."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Take the clock that may jump."""
        self._now = now
        self._last = self._read()

    def was_put_forward(self) -> bool:
        """Say whether the clock was put forward since it was last asked."""
        (before, steadily_before), (at, steadily) = self._last, self._read()
        self._last = at, steadily
        return at - before - timedelta(seconds=steadily - steadily_before) > LEAST

    @property
    def now(self) -> datetime:
        """Say what the clock said when it was last asked."""
        return self._last[0]

    def _read(self) -> tuple[datetime, float]:
        return self._now(), time.monotonic()
