"""The worker: the stages of the scheduler, running until they are stopped. APScheduler only ticks."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from models.database import Database
from models.secret import Keyring
from models.wakeup import Topic
from scheduler.address import Addresser
from scheduler.apply import BATCH, apply_waiting
from scheduler.dispatch import Dispatcher
from scheduler.erase import erase_forgotten
from scheduler.forget import forget_removed
from scheduler.keepers import Keepers
from scheduler.mail import Mailer
from scheduler.mailserver import MailServer
from scheduler.notices import Notices
from scheduler.pauses import make_up
from scheduler.recap import correct_by_history, make_due
from scheduler.reconcile import Reconciler
from scheduler.recount import recount_due
from scheduler.retention import KEPT, empty_old_events
from scheduler.silences import Silences
from scheduler.slack import Slack

log = structlog.get_logger()

POLL = 5.0
"""Seconds after which events are looked for that no wake-up told of."""

JOIN_POLL = 3600.0
"""The same for channels to join. A channel that refuses us is not asked again and again; a send tries by itself."""

TICK = 15.0
"""Seconds between two ticks of the clock, at each of which recaps that are due are made."""

RECAP_POLL = 60.0
"""Seconds after which they are made even if no tick came."""

FORGET_POLL = 60.0
"""Seconds after which it is looked again for what a removed source brought, and for who is to be erased."""

REST = 0.4
"""Seconds between two looks at what fails, or for e-mail, at least, however many outcomes are written meanwhile."""

GRACE = 0.5
"""Seconds in which a stage may end by itself before it is cancelled."""


class Worker:
    """Applies events, recounts accounts, makes recaps, sends deliveries, joins channels, and reconciles every hour."""

    def __init__(
        self,
        *,
        database: Database,
        slack: Slack,
        keyring: Keyring,
        public_url: str,
        now: Callable[[], datetime],
        owner: str,
        mail_server: MailServer | None = None,
        pollers: Sequence[Callable[[], Awaitable[None]]] = (),
        tick: float = TICK,
        events_kept: timedelta = KEPT,
    ) -> None:
        """Take what the stages need, and what polls sources; `start()` starts them."""
        self._seconds = tick
        self._events_kept = events_kept
        self._pollers = pollers
        self._database = database
        self._now = now
        self._dispatcher = Dispatcher(
            database=database, slack=slack, keyring=keyring, public_url=public_url, now=now, owner=owner
        )
        self._addresser = Addresser(database=database, slack=slack, keyring=keyring, now=now)
        self._reconciler = Reconciler(database=database, slack=slack, keyring=keyring, now=now)
        self._notices = Notices(database=database, slack=slack, keyring=keyring, now=now, mails=mail_server is not None)
        self._silences = Silences(database=database, now=now)
        self._keepers = Keepers(database=database, now=now)
        self._mailer = Mailer(database=database, server=mail_server, public_url=public_url, now=now, owner=owner)
        self._clock = AsyncIOScheduler(timezone="UTC")
        self._sending: list[asyncio.Task[None]] = []
        self._asking: list[asyncio.Task[None]] = []
        self._is_stopping = False
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start every stage."""
        self._clock.add_job(self._reconcile, "interval", hours=1, max_instances=1, coalesce=True)
        self._clock.add_job(self._tidy, "interval", hours=1, max_instances=1, coalesce=True)
        self._clock.add_job(self._tick, "interval", seconds=self._seconds, max_instances=1, coalesce=True)
        self._clock.start()
        self._sending = [
            asyncio.create_task(self._dispatcher.run()),
            asyncio.create_task(self._on_wakeup(Topic.EVENTS, self._apply, poll=POLL)),
            asyncio.create_task(self._on_wakeup(Topic.RECAPS, self._make_recaps, poll=RECAP_POLL)),
            asyncio.create_task(self._on_wakeup(Topic.RECAPS, self._recount, poll=RECAP_POLL)),
            asyncio.create_task(self._on_wakeup(Topic.DELIVERIES, self._mailer.send_waiting, poll=POLL, rest=REST)),
        ]
        self._asking = [
            asyncio.create_task(self._on_wakeup(Topic.SIGNALS, self._address, poll=POLL)),
            asyncio.create_task(self._on_wakeup(Topic.DELIVERIES, self._notices.look, poll=POLL, rest=REST)),
            asyncio.create_task(self._on_wakeup(Topic.RECAPS, self._silences.look, poll=RECAP_POLL)),
            asyncio.create_task(self._on_wakeup(Topic.RECAPS, self._keepers.look, poll=RECAP_POLL)),
            asyncio.create_task(self._on_wakeup(Topic.CHANNELS, self._reconciler.join_chosen, poll=JOIN_POLL)),
            asyncio.create_task(self._on_wakeup(Topic.SOURCES, self._forget, poll=FORGET_POLL)),
            asyncio.create_task(self._on_wakeup(Topic.INSTALLATIONS, self._reconciler.list_new_guests, poll=JOIN_POLL)),
            *(asyncio.create_task(self._on_wakeup(Topic.SOURCES, poll, poll=POLL)) for poll in self._pollers),
            asyncio.create_task(self._reconcile()),
            asyncio.create_task(self._tidy()),
        ]

    async def stop(self) -> None:
        """Claim nothing more, finish what is in flight, and end. What only asks Slack something isn't waited for."""
        if self._clock.running:
            self._clock.shutdown(wait=False)
        self._is_stopping = True
        self._stopping.set()
        self._dispatcher.stop()
        await self._database.wakeups.notify(*Topic)
        if self._asking:
            await asyncio.wait(self._asking, timeout=GRACE)
        for stage in self._asking:
            stage.cancel()
        await asyncio.gather(*self._sending, *self._asking, return_exceptions=True)

    async def kill(self) -> None:
        """End as `kill -9` would end the process: the database keeps all that is under way as it stands at this moment.

        Only another worker finds out what became of it, once the leases of this one have run out.
        """
        if self._clock.running:
            self._clock.shutdown(wait=False)
        self._is_stopping = True
        stages = [*self._sending, *self._asking]
        # A death amid a transaction leaves what one before it does; but here it would leave SQLite's writer locked.
        async with self._database.write():
            self._dispatcher.abort()
            for stage in stages:
                stage.cancel()
        await asyncio.gather(*stages, return_exceptions=True)

    async def _apply(self) -> None:
        # What came in since a batch that was not full has woken us again.
        while await apply_waiting(self._database, now=self._now()) >= BATCH and not self._is_stopping:
            pass

    async def _address(self) -> None:
        while await self._addresser.address_waiting() and not self._is_stopping:
            pass

    async def _forget(self) -> None:
        await erase_forgotten(self._database)
        await forget_removed(self._database, now=self._now())

    async def _tick(self) -> None:
        await self._database.wakeups.notify(Topic.RECAPS)

    async def _recount(self) -> None:
        while await recount_due(self._database, now=self._now()) and not self._is_stopping:
            pass

    async def _make_recaps(self) -> None:
        while await make_due(self._database, now=self._now()) and not self._is_stopping:
            pass
        while await make_up(self._database, now=self._now()) and not self._is_stopping:
            pass
        await correct_by_history(self._database, now=self._now())

    async def _reconcile(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await self._reconciler.reconcile()
            except Exception:
                log.exception("reconcile_failed")

    async def _tidy(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await empty_old_events(self._database, kept=self._events_kept, now=self._now())
            except Exception:
                log.exception("tidying_failed")

    async def _on_wakeup(
        self, topic: Topic, work: Callable[[], Awaitable[None]], *, poll: float, rest: float = 0.0
    ) -> None:
        """Do the work now, whenever the topic is woken, and after so many seconds without; rest after it."""
        wakeups = self._database.wakeups
        while not self._is_stopping:
            marks = wakeups.marks(topic)
            try:
                await work()
            except Exception:
                log.exception("stage_failed", topic=topic)
                await asyncio.sleep(1)
                continue
            if rest:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), rest)
            await wakeups.wait(topic, since=marks, seconds=poll)
