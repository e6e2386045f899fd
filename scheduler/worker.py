"""The worker: the stages of the scheduler, running until they are stopped. APScheduler only ticks."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from models.database import Database
from models.secret import Keyring
from models.wakeup import Topic
from scheduler.apply import BATCH, apply_waiting
from scheduler.dispatch import Dispatcher
from scheduler.reconcile import Reconciler
from scheduler.slack import Slack

log = structlog.get_logger()

POLL = 5.0
"""Seconds after which events are looked for that no wake-up told of."""

JOIN_POLL = 3600.0
"""The same for channels to join. A channel that refuses us is not asked again and again; a send tries by itself."""


class Worker:
    """Applies events, sends deliveries, joins channels, and reconciles every hour."""

    def __init__(
        self, *, database: Database, slack: Slack, keyring: Keyring, now: Callable[[], datetime], owner: str
    ) -> None:
        """Take what the stages need; `start()` starts them."""
        self._database = database
        self._now = now
        self._dispatcher = Dispatcher(database=database, slack=slack, keyring=keyring, now=now, owner=owner)
        self._reconciler = Reconciler(database=database, slack=slack, keyring=keyring, now=now)
        self._clock = AsyncIOScheduler(timezone="UTC")
        self._stages: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start every stage."""
        self._clock.add_job(self._reconcile, "interval", hours=1, max_instances=1, coalesce=True)
        self._clock.start()
        self._stages = [
            asyncio.create_task(self._dispatcher.run()),
            asyncio.create_task(self._on_wakeup(Topic.EVENTS, self._apply, poll=POLL)),
            asyncio.create_task(self._on_wakeup(Topic.CHANNELS, self._reconciler.join_chosen, poll=JOIN_POLL)),
            asyncio.create_task(self._reconcile()),
        ]

    async def stop(self) -> None:
        """Claim nothing more, finish what is in flight, and end."""
        if self._clock.running:
            self._clock.shutdown(wait=False)
        for stage in self._stages:
            stage.cancel()
        await asyncio.gather(*self._stages, return_exceptions=True)

    async def _apply(self) -> None:
        applied = BATCH
        while applied == BATCH:
            applied = await apply_waiting(self._database, now=self._now(), limit=BATCH)

    async def _reconcile(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await self._reconciler.reconcile()
            except Exception:
                log.exception("reconcile_failed")

    async def _on_wakeup(self, topic: Topic, work: Callable[[], Awaitable[None]], *, poll: float) -> None:
        """Do the work now, whenever the topic is woken, and after so many seconds without."""
        wakeups = self._database.wakeups
        while True:
            marks = wakeups.marks(topic)
            try:
                await work()
            except Exception:
                log.exception("stage_failed", topic=topic)
                await asyncio.sleep(1)
                continue
            await wakeups.wait(topic, since=marks, seconds=poll)
