"""Settling: what the sends came to is written down, many at once.

It commits whatever queued up during the previous commit, with no timed wait. An outcome is written only while its
lane's token is still ours, and kept for as long as the database doesn't let us: nobody else knows it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import delivery, edit, installation, lane, thread
from models.database import Database, is_passing
from models.delivery import DeliveryState, MessageEnd, Outcome, Try
from models.lane import Place, Release
from models.wakeup import Topic
from scheduler.claim import Job
from scheduler.decisions import GONE, Class, Decision

log = structlog.get_logger()

AGAIN = 1.0
"""Seconds after which the database is asked again that was away."""

LAST_SECONDS = 30.0
"""How long a worker that ends waits for the database to take its outcomes; its lanes are its own for about as long."""


UPDATES_APART = 1.2
"""How much longer than after a message a lane waits after an update: Slack takes 50 a minute in a workspace."""


@dataclass(frozen=True, eq=False)
class Settlement:
    """A job, what it came to, and the decision behind that where Slack did not simply take the message."""

    job: Job
    outcome: Outcome
    decision: Decision | None

    @property
    def changes_cards(self) -> bool:
        """Say whether cards may say something else from now on: the one above it, or those of what was merged in it."""
        job = self.job
        is_about = job.reply.changes_parent if job.reply is not None else job.is_kept_together and job.edited is None
        return is_about and self.outcome.state is DeliveryState.DELIVERED

    @property
    def is_told_apart(self) -> bool:
        """Say whether it couldn't be told by changing a message, and gets one of its own."""
        is_over = self.decision is not None and self.decision.what is Class.OVER
        return is_over and self.job.reply is None and self.job.edited is not None and not self.job.is_edit

    def places(self) -> Iterator[Place]:
        """Give what other lanes are needed for what follows."""
        if self.changes_cards:
            yield self.job.workspace_id, delivery.UPDATE, self.job.workspace_id
        if self.is_told_apart:
            yield self.job.workspace_id, delivery.POST, self.job.target

    def tried(self) -> Try:
        """Give it as the ledger takes it."""
        return Try(
            workspace_id=self.job.workspace_id,
            delivery_id=self.job.delivery_id,
            number=self.job.effort.attempts,
            started_at=self.job.started_at,
            outcome=self.outcome,
        )

    def release(self, *, pace: timedelta, now: datetime) -> Release:
        """Say when the lane may send again, and until when Slack itself wants silence there."""
        outcome, at, silence = self.outcome, self.outcome.due_at, None
        if self.decision is not None and self.decision.what is Class.WAIT:
            silence = at
        elif self.job.edited is not None:
            at = silence = now + pace * UPDATES_APART  # One that is to be tried again holds up no other.
        elif outcome.state is DeliveryState.DELIVERED:
            at = silence = at + pace  # Slack counted the message before it answered, which was when it became due.
        elif outcome.state is DeliveryState.FAILED:
            at = now + pace
        return Release(lane_id=self.job.lane_id, token=self.job.lane_token, next_send_at=at, not_before=silence)


class Settler:
    """Writes outcomes down and gives lanes back, a transaction a batch."""

    def __init__(self, *, database: Database, now: Callable[[], datetime], pace: timedelta) -> None:
        """Take the database, and how long a lane waits after a message."""
        self._database = database
        self._now = now
        self._pace = pace
        self._waiting: list[Settlement] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, job: Job, outcome: Outcome, decision: Decision | None) -> None:
        """Take what a job came to; it is written as soon as the previous ones are."""
        self._waiting.append(Settlement(job, outcome, decision))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_on())

    async def finish(self, *, within: float | None = None) -> None:
        """Wait until all is written, or so many seconds."""
        if self._writing is None:
            return
        await asyncio.wait([self._writing], timeout=within)
        for one in self._waiting:
            _log_unsettled(one)
        self.abort()

    def abort(self) -> None:
        """Stop at once. What is not written stays in `sending`, and is ambiguous once the lease has run out."""
        if self._writing is not None:
            self._writing.cancel()

    async def _write_on(self) -> None:
        while self._waiting:
            try:
                await self._write(tuple(self._waiting))
                await self._database.wakeups.notify(Topic.DELIVERIES)
            except Exception as error:  # noqa: BLE001 - the database is away, or `_write` would have dealt with it
                log.warning("settling_again", deliveries=len(self._waiting), error=type(error).__name__)
                await asyncio.sleep(AGAIN)

    async def _write(self, batch: Sequence[Settlement]) -> None:
        """Commit outcomes together; where that fails, each alone, so that one bad outcome refuses only itself."""
        try:
            ours = await self._database.transact(partial(self._settle, batch=batch, now=self._now()))
        except Exception as error:
            if is_passing(error):
                raise
            if len(batch) > 1:
                log.exception("settling_alone", deliveries=len(batch))
                for one in batch:
                    await self._write([one])
                return
            _log_unsettled(batch[0], error=error)
        else:
            _log(batch, set(ours))
        del self._waiting[: len(batch)]  # Others have only been added behind it.

    async def _settle(self, session: AsyncSession, *, batch: Sequence[Settlement], now: datetime) -> list[Settlement]:
        """Write down those outcomes whose lanes are still ours, and say which these are."""
        places = {place for one in batch for place in one.places()}
        tokens = await lane.hold_with(session, [one.job.lane_id for one in batch], places, now=now)
        ours = [one for one in batch if tokens.get(one.job.lane_id) == one.job.lane_token]
        await delivery.settle(session, [one.tried() for one in ours], now=now)
        for one in sorted(ours, key=lambda one: one.job.workspace_id):
            await _follow_up(session, one, now=now)
        await lane.release(session, [one.release(pace=self._pace, now=now) for one in ours])
        return ours


async def _follow_up(session: AsyncSession, settled: Settlement, *, now: datetime) -> None:
    """Do what an answer means beyond this delivery: a limit for the lane, a hold for the workspace, a message's end."""
    job, outcome = settled.job, settled.outcome
    if job.is_edit:
        await edit.owe_again(session, job.delivery_id, now=now)
    match settled.decision:
        case Decision(what=Class.WAIT):
            await lane.limit(session, job.lane_id, until=outcome.due_at, now=now)
        case Decision(what=Class.OVER):
            await _end(session, settled, now=now)
        case Decision(what=Class.HOLD):
            await installation.revoke(
                session, job.workspace_id, because=outcome.answer, token_sealed=job.token_sealed, now=now
            )
    if settled.changes_cards:
        await edit.ask(session, job.workspace_id, await _cards(session, job), now=now)


async def _cards(session: AsyncSession, job: Job) -> list[str]:
    """Give the card above a message, or those of the accounts of which it tells."""
    if job.reply is not None:
        return [job.reply.parent_id]
    return await thread.cards_of_merged(session, job.workspace_id, job.delivery_id)


async def _end(session: AsyncSession, settled: Settlement, *, now: datetime) -> None:
    """Note that a message can't be changed any more, or replied to; what was to be told so is told elsewhere."""
    job = settled.job
    if job.reply is not None:
        await edit.end(session, job.workspace_id, job.reply.parent_id, MessageEnd.GONE)
    elif job.edited is not None:
        how = MessageEnd.GONE if settled.outcome.answer in GONE else MessageEnd.CLOSED
        await edit.end(session, job.workspace_id, job.edited.delivery_id, how)
        if settled.is_told_apart:
            owed = await delivery.get(session, job.workspace_id, job.delivery_id)
            await thread.tell_apart(session, owed, now=now)


def _log_unsettled(settled: Settlement, *, error: Exception | None = None) -> None:
    job = settled.job
    log.error("delivery_not_settled", delivery_id=job.delivery_id, workspace_id=job.workspace_id, exc_info=error)


def _log(batch: Sequence[Settlement], ours: Collection[Settlement]) -> None:
    """Say what the batch came to as one line, whatever else than delivered on its own, and the rest to who debugs."""
    say = log.bind()  # The logger itself is put together anew for each line.
    say.info("deliveries_settled", **Counter(one.outcome.state.value for one in ours))
    for one in batch:
        named = {"delivery_id": one.job.delivery_id, "workspace_id": one.job.workspace_id}
        if one not in ours:
            say.warning("lane_lost", **named)
        elif one.outcome.state is DeliveryState.DELIVERED:
            say.debug("delivery_settled", **named, state=one.outcome.state, answer=one.outcome.answer)
        else:
            say.info("delivery_settled", **named, state=one.outcome.state, answer=one.outcome.answer)
