"""How fast an app may call: one message a second and channel, so many a minute and workspace, tiers per method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TypeAlias

Tier: TypeAlias = int | None

# Slack promises at least these calls a minute, per method, workspace and app; a tier of None is not limited here.
TIERS: Mapping[int, int] = {1: 1, 2: 20, 3: 50, 4: 100}


@dataclass(frozen=True)
class Limits:
    """The limits in force. Zero turns a limit off.

    `burst` is how many messages a channel takes at once before the pace of one a second is held; Slack publishes no
    number. `workspace_messages` is "several hundred a minute" in Slack's words.
    """

    messages_per_second: float = 1.0
    burst: int = 4
    workspace_messages: int = 300
    tiers: Mapping[int, int] = field(default_factory=lambda: dict(TIERS))
    # Slack lets short bursts of a tiered method pass beyond a strictly even pace: the minute is what counts.
    window_seconds: float = 60.0


UNLIMITED = Limits(messages_per_second=0, workspace_messages=0, tiers={})


class Limiter:
    """Counts calls. Each question `…_wait` answers 0 and counts the call, or the whole seconds to wait."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        self.limits = limits
        self._now = now
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def method_wait(self, tier: Tier, *key: str) -> int:
        allowed = self.limits.tiers.get(tier, 0) if tier else 0
        return self._take(("method", *key), allowed / self.limits.window_seconds, allowed)

    def message_wait(self, app_id: str, workspace_id: str, channel_id: str) -> int:
        """Ask for a message: the channel's pace first, then the workspace's."""
        limits = self.limits
        wait = self._take(("channel", app_id, channel_id), limits.messages_per_second, limits.burst)
        if wait:
            return wait
        pace = limits.workspace_messages / limits.window_seconds
        return self._take(("workspace", app_id, workspace_id), pace, limits.workspace_messages)

    def _take(self, key: tuple[str, ...], pace: float, size: int) -> int:
        if not pace:
            return 0
        bucket = self._buckets.setdefault(key, _Bucket(tokens=size, at=self._now()))
        return bucket.take(pace, size, self._now())


@dataclass
class _Bucket:
    """A bucket of permits that refills at an even pace up to its size."""

    tokens: float
    at: float

    def take(self, pace: float, size: int, now: float) -> int:
        self.tokens = min(float(size), self.tokens + max(0.0, now - self.at) * pace)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0
        return max(1, ceil((1 - self.tokens) / pace))
