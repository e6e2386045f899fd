"""The demo's clock, which the app and the local Slack share: the real one, or as far ahead as somebody travelled."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class Clock:
    """The time here. It goes ahead only: what happened stays in the past."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """Read it."""
        return datetime.now(UTC) + self.ahead

    def seconds(self) -> float:
        """Read it as Slack writes it."""
        return time.time() + self.ahead.total_seconds()

    def jump(self, to: datetime) -> None:
        """Set it ahead to a moment."""
        self.ahead += max(to - self.now(), timedelta())
