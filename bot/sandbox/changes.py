"""What changed in the local Slack, in order, and a wake-up for those who wait to see it."""

import asyncio
from dataclasses import dataclass
from typing import Any

KEPT = 5_000


@dataclass(frozen=True)
class Change:
    """One change: its number, the kind of thing, and the ids that find it again."""

    number: int
    kind: str
    workspace_id: str
    what: dict[str, Any]


class Changes:
    """An append-only count of changes; only the latest few thousand are kept to be read."""

    def __init__(self) -> None:
        self.count = 0
        self._latest: list[Change] = []
        self._waiting = asyncio.Event()

    def add(self, kind: str, workspace_id: str, **what: Any) -> Change:
        self.count += 1
        change = Change(self.count, kind, workspace_id, what)
        self._latest.append(change)
        if len(self._latest) > 2 * KEPT:
            del self._latest[:-KEPT]
        # Each waiter holds the event it began with, so waking the old one misses nobody.
        waiting, self._waiting = self._waiting, asyncio.Event()
        waiting.set()
        return change

    def since(self, number: int) -> list[Change]:
        return [change for change in self._latest if change.number > number]

    async def wait(self, number: int, *, seconds: float = 25.0) -> list[Change]:
        """Return the changes after `number`, waiting for the first of them, or none when the time is over."""
        waiting = self._waiting
        if self.count <= number:
            try:
                await asyncio.wait_for(waiting.wait(), seconds)
            except TimeoutError:
                return []
        return self.since(number)
