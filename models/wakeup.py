"""Wake-ups: how one part of the product tells another that there is work, without asking all the time.

A topic has a counter. Who waits takes the counter's mark first, works, and then waits for the counter to pass the mark,
so that a wake-up between the work and the wait is never missed.
"""

import asyncio
from collections import defaultdict
from enum import StrEnum


class Topic(StrEnum):
    """What there is to do, or what changed."""

    EVENTS = "events"
    DELIVERIES = "deliveries"
    SIGNALS = "signals"
    CHANNELS = "channels"
    RECAPS = "recaps"
    INSTALLATIONS = "installations"
    SOURCES = "sources"


class Wakeups:
    """The counters of this process. On PostgreSQL the database feeds them from other processes too."""

    def __init__(self) -> None:
        """Start with every counter at zero."""
        self._marks: dict[Topic, int] = defaultdict(int)
        self._changed = asyncio.Condition()

    def mark(self, topic: Topic) -> int:
        """Say how often the topic was woken so far."""
        return self._marks[topic]

    async def notify(self, *topics: Topic) -> None:
        """Wake everyone who waits for one of the topics."""
        if not topics:
            return
        async with self._changed:
            for topic in topics:
                self._marks[topic] += 1
            self._changed.notify_all()

    async def wait(self, *topics: Topic, since: dict[Topic, int], seconds: float) -> bool:
        """Wait until a topic passes its mark, at most so long; say whether one did."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: any(self._marks[topic] > since[topic] for topic in topics))
        except TimeoutError:
            return False
        return True

    def marks(self, *topics: Topic) -> dict[Topic, int]:
        """Take the marks of several topics at once, for `wait`."""
        return {topic: self._marks[topic] for topic in topics}
