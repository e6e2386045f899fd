"""Dispatching: lanes are claimed, and what each owes next is sent, one message at a time a lane.

Two transactions surround a send. The claim leases the lane and commits `send_started_at` before anything leaves; the
POST happens between them; the outcome is written only while the lane's token is still ours. Whoever claims a lane whose
head is found in `sending` knows that an earlier owner died in between, and treats it as ambiguous.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, delivery, installation, lane, preview
from models.database import Database, is_passing, wake
from models.delivery import Delivery, DeliveryState, FactKind, Outcome, SkipReason
from models.lane import Lane
from models.recipient import RecipientKind
from models.secret import Keyring, SecretUnreadableError
from models.wakeup import Topic
from scheduler.decisions import (
    CANNOT_BE_MADE,
    TOKEN_UNREADABLE,
    Class,
    Decision,
    Effort,
    answer_of,
    decide,
    judge_look,
    judge_send,
    judge_unfurl,
)
from scheduler.drawing import draw_delivery
from scheduler.messages.message import Message, Unfurled
from scheduler.refusals import Refusals
from scheduler.slack import Slack

log = structlog.get_logger()

PACE = timedelta(seconds=1)
"""Slack takes one message a second in a channel."""

MOST_IN_FLIGHT = 20
POLL = 1.0
MOST_SETTLING = 30
"""How often an outcome is tried to be written down, a second apart; the lane is ours for about as long."""

HISTORY_SCOPES = {"channels:history", "groups:history"}

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A claimed lane with the delivery at its head. A message means: send it; None: look whether it was sent."""

    lane_id: str
    lane_token: int
    delivery_id: str
    workspace_id: str
    target: str
    is_channel: bool
    token: str = field(repr=False)
    token_sealed: str
    effort: Effort
    started_at: datetime
    sent_at: datetime
    """When the message left, or may have, if it is only looked for."""
    message: Message | Unfurled | None


class Dispatcher:
    """Sends what is owed. Any number of them may share a database."""

    def __init__(
        self,
        *,
        database: Database,
        slack: Slack,
        keyring: Keyring,
        public_url: str,
        now: Callable[[], datetime],
        owner: str,
    ) -> None:
        """Take what is needed; `owner` names this process in the lanes that it leases."""
        self._database = database
        self._slack = slack
        self._keyring = keyring
        self._picture_url = partial(preview.address, keyring=keyring, public_url=public_url)
        self._refusals = Refusals()
        self._now = now
        self._owner = owner
        self._in_flight: set[asyncio.Task[Any]] = set()
        self._is_stopping = False

    async def run(self) -> None:
        """Send until stopped or cancelled; then finish what is in flight, and claim nothing more."""
        try:
            while not self._is_stopping:
                marks = self._database.wakeups.marks(Topic.DELIVERIES, Topic.INSTALLATIONS)
                try:
                    claimed = await self._dispatch_ready()
                    pause = 0.0 if claimed else await self._until_next()
                except Exception:
                    log.exception("dispatch_failed")
                    pause = POLL
                if pause:
                    await self._database.wakeups.wait(*marks, since=marks, seconds=pause)
        finally:
            await asyncio.shield(self._finish())

    def stop(self) -> None:
        """Let `run()` end at its next wake-up."""
        self._is_stopping = True

    def abort(self) -> None:
        """Cut off whatever is in flight where it stands: nothing of it is written down, and no lane is given back."""
        for flight in self._in_flight:
            flight.cancel()

    async def drain(self) -> None:
        """Send everything that may be sent now, and wait for the outcomes."""
        while await self._dispatch_ready():
            await self._finish()

    async def _finish(self) -> None:
        while self._in_flight:
            await asyncio.gather(*self._in_flight, return_exceptions=True)

    async def _dispatch_ready(self) -> int:
        """Claim the lanes that are ready and start sending; say how many there were."""
        free = MOST_IN_FLIGHT - len(self._in_flight)
        if free <= 0:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
            return 1
        async with self._database.read() as session:
            due = await lane.next_time(session, now=self._now())
        if due is None or due > self._now():
            return 0
        # Cancelled between its commit and the sending, a claim would leave messages that look as if they had left.
        return await asyncio.shield(self._fly(self._claim(free)))

    def _fly(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        task = asyncio.create_task(work)
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        return task

    async def _until_next(self) -> float:
        """Say in how many seconds there may be something to do."""
        async with self._database.read() as session:
            due = await lane.next_time(session, now=self._now())
        if due is None:
            return POLL
        return min(max((due - self._now()).total_seconds(), 0.005), POLL)

    async def _claim(self, limit: int) -> int:
        async with self._database.write() as session:
            now = self._now()
            lanes = await lane.claim(session, owner=self._owner, limit=limit, now=now)
            jobs = [await self._begin_alone(session, claimed, now=now) for claimed in lanes]
        for job in jobs:
            if job is not None:
                self._fly(self._carry_out(job))
        return len(lanes)

    async def _begin_alone(self, session: AsyncSession, claimed: Lane, *, now: datetime) -> Job | None:
        """Make a lane's job in a savepoint, so that one that can't be made holds up no other lane."""
        lane_id, token, workspace_id = claimed.id, claimed.token, claimed.workspace_id
        try:
            async with session.begin_nested():
                return await self._begin(session, claimed, now=now)
        except Exception as error:
            if is_passing(error):
                raise
            log.exception("job_not_made", lane_id=lane_id, workspace_id=workspace_id)
            decision = TOKEN_UNREADABLE if isinstance(error, SecretUnreadableError) else CANNOT_BE_MADE
            await self._put_off(session, lane_id, token, decision, answer_of(error), now=now)
            return None

    async def _put_off(
        self, session: AsyncSession, lane_id: str, token: int, decision: Decision, answer: str, *, now: datetime
    ) -> None:
        """Settle the head of a lane, of which no job could be made."""
        owed = await delivery.head(session, lane_id)
        if owed is None:
            return
        owed.attempts += 1
        effort = Effort(attempts=owed.attempts, owed_since=owed.created_at)
        outcome = judge_send(decision, answer, effort, now=now, spread=_spread())
        await session.flush()
        await delivery.settle(session, owed.id, outcome, started_at=now, now=now)
        await lane.release(session, lane_id, token=token, next_send_at=outcome.due_at)

    async def _begin(self, session: AsyncSession, claimed: Lane, *, now: datetime) -> Job | None:
        """Make a job of the lane's head; give the lane back where there is none to do now."""
        owed = await delivery.head(session, claimed.id)
        grant = await installation.get(session, claimed.workspace_id)
        if owed is None or grant is None or owed.due_at > now:
            later = now if owed is None or grant is None else owed.due_at
            await lane.release(session, claimed.id, token=claimed.token, next_send_at=later)
            return None
        token = self._keyring.open(grant.token_sealed)
        message = await self._message(session, owed, set(grant.scopes), now=now)
        if isinstance(message, SkipReason):
            await delivery.skip(session, owed, message, now=now)
            await lane.release(session, claimed.id, token=claimed.token, next_send_at=now)
            return None
        return Job(
            lane_id=claimed.id,
            lane_token=claimed.token,
            delivery_id=owed.id,
            workspace_id=owed.workspace_id,
            target=owed.target,
            is_channel=owed.recipient_kind == RecipientKind.CHANNEL and claimed.method == delivery.POST,
            token=token,
            token_sealed=grant.token_sealed,
            effort=Effort(attempts=owed.attempts, owed_since=owed.created_at),
            started_at=now,
            sent_at=owed.send_started_at or now,
            message=message,
        )

    async def _message(
        self, session: AsyncSession, owed: Delivery, scopes: set[str], *, now: datetime
    ) -> Message | Unfurled | SkipReason | None:
        """Draw what is to be sent; None where it may have been sent already, and is looked for."""
        is_lost = owed.state in {DeliveryState.SENDING, DeliveryState.AMBIGUOUS}
        if is_lost and await self._can_look(session, owed, scopes):
            delivery.look(owed)
            return None
        owed.may_be_repeat = owed.may_be_repeat or is_lost
        drawn = await draw_delivery(session, owed, now=now, picture_url=self._picture_url)
        if not isinstance(drawn, SkipReason):
            delivery.start(owed, now=now)
        return drawn

    async def _can_look(self, session: AsyncSession, owed: Delivery, scopes: set[str]) -> bool:
        """Say whether the granted scopes let us read the channel's history; an unfurl is no message to be found."""
        if owed.recipient_kind != RecipientKind.CHANNEL or owed.fact_kind == FactKind.UNFURL:
            return False
        known = await channel.get(session, owed.workspace_id, owed.target)
        if known is None:
            return scopes >= HISTORY_SCOPES
        return ("groups:history" if known.is_private else "channels:history") in scopes

    async def _carry_out(self, job: Job) -> None:
        try:
            outcome, decision = await (self._send(job) if job.message is not None else self._look(job))
            await self._settle_at_last(job, outcome, decision)
        except Exception:
            # The row stays in `sending` and is settled as ambiguous once the lease has run out.
            log.exception("delivery_not_settled", delivery_id=job.delivery_id, workspace_id=job.workspace_id)

    async def _send(self, job: Job, *, may_join: bool = True) -> tuple[Outcome, Decision | None]:
        """Post the message, and once more after entering the channel, or in the plainer form where Slack refuses it."""
        job = self._spared(job)
        try:
            return await self._post(job), None
        except Exception as error:  # noqa: BLE001 - every error is an answer, and the table knows what it means
            decision, answer = decide(error, now=self._now()), answer_of(error)
        if decision.what is Class.JOIN and may_join and job.is_channel and await self._join(job):
            return await self._send(job, may_join=False)
        if decision.what is Class.PLAIN and isinstance(job.message, dict) and "plainer" in job.message:
            return await self._send_plainer(job, job.message, may_join=may_join)
        now = self._now()
        if isinstance(job.message, Unfurled):
            return judge_unfurl(decision, answer, job.effort, now=now), decision
        return judge_send(decision, answer, job.effort, now=now, spread=_spread()), decision

    def _spared(self, job: Job) -> Job:
        """Take the form of a job's message that the workspace is known to take."""
        if not isinstance(job.message, dict):
            return job
        return replace(job, message=self._refusals.spare(job.workspace_id, job.message, now=self._now()))

    async def _send_plainer(self, job: Job, refused: Message, *, may_join: bool) -> tuple[Outcome, Decision | None]:
        """Post the plainer form; where that is taken, the other one isn't tried again for a while."""
        outcome, decision = await self._send(replace(job, message=refused["plainer"]), may_join=may_join)
        if outcome.state is DeliveryState.DELIVERED:
            self._refusals.note(job.workspace_id, refused, now=self._now())
        return outcome, decision

    async def _unfurl(self, job: Job, unfurled: Unfurled) -> Outcome:
        await self._slack.unfurl(job.token, channel=job.target, unfurled=unfurled)
        return Outcome(state=DeliveryState.DELIVERED, answer="ok", due_at=self._now())

    async def _post(self, job: Job) -> Outcome:
        message = job.message
        if isinstance(message, Unfurled):
            return await self._unfurl(job, message)
        assert message is not None  # noqa: S101 - only jobs with a message are sent
        where, ts = await self._slack.post(job.token, channel=job.target, message=message, delivery_id=job.delivery_id)
        return Outcome(
            state=DeliveryState.DELIVERED, answer="ok", due_at=self._now(), message_channel=where, message_ts=ts
        )

    async def _join(self, job: Job) -> bool:
        try:
            info = await self._slack.join(job.token, job.target)
        except Exception as error:  # noqa: BLE001 - the first answer stands then
            log.info("channel_not_joined", workspace_id=job.workspace_id, answer=answer_of(error))
            return False
        async with self._database.write() as session:
            await channel.remember(session, job.workspace_id, {**info, "is_member": True}, now=self._now())
        return True

    async def _look(self, job: Job) -> tuple[Outcome, Decision | None]:
        """Settle an ambiguous delivery by looking for its message; where it isn't there, it is sent."""
        now = self._now()
        try:
            ts = await self._slack.find(job.token, channel=job.target, delivery_id=job.delivery_id, since=job.sent_at)
        except Exception as error:  # noqa: BLE001 - every error is an answer
            decision = decide(error, now=now)
            outcome = judge_look(decision, answer_of(error), job.effort, now=now, spread=_spread())
            return outcome, decision if decision.what is Class.HOLD else None
        if ts is None:
            return Outcome(state=DeliveryState.RETRYING, answer="not found in Slack", due_at=now), None
        found = Outcome(
            state=DeliveryState.DELIVERED,
            answer="found in Slack",
            due_at=now,
            message_channel=job.target,
            message_ts=ts,
        )
        return found, None

    async def _settle_at_last(self, job: Job, outcome: Outcome, decision: Decision | None) -> None:
        """Write the outcome down, again and again while the database doesn't let us: nobody else knows it."""
        for _ in range(MOST_SETTLING):
            try:
                return await self._settle(job, outcome, decision)
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("settling_again", delivery_id=job.delivery_id, error=type(error).__name__)
                await asyncio.sleep(POLL)
        return await self._settle(job, outcome, decision)

    async def _settle(self, job: Job, outcome: Outcome, decision: Decision | None) -> None:
        now = self._now()
        silence = _silence(outcome, decision, now=now)
        is_done = outcome.state in {DeliveryState.DELIVERED, DeliveryState.FAILED}
        next_send_at = now + PACE if is_done else outcome.due_at
        async with self._database.write() as session:
            if not await lane.is_held(session, job.lane_id, token=job.lane_token):
                log.warning("lane_lost", delivery_id=job.delivery_id, workspace_id=job.workspace_id)
                return
            await delivery.settle(session, job.delivery_id, outcome, started_at=job.started_at, now=now)
            await lane.release(
                session, job.lane_id, token=job.lane_token, next_send_at=next_send_at, not_before=silence
            )
            if decision is not None:
                await self._follow_up(session, job, outcome, decision, now=now)
            wake(session, Topic.DELIVERIES)
        log.info(
            "delivery_settled",
            delivery_id=job.delivery_id,
            workspace_id=job.workspace_id,
            state=outcome.state,
            answer=outcome.answer,
        )

    async def _follow_up(
        self, session: AsyncSession, job: Job, outcome: Outcome, decision: Decision, *, now: datetime
    ) -> None:
        """Do what an answer means beyond this delivery: a limit for the lane, or a hold for the workspace."""
        if decision.what is Class.WAIT:
            await lane.limit(session, job.lane_id, until=outcome.due_at, now=now)
        elif decision.what is Class.HOLD:
            await installation.revoke(
                session, job.workspace_id, because=outcome.answer, token_sealed=job.token_sealed, now=now
            )


def _silence(outcome: Outcome, decision: Decision | None, *, now: datetime) -> datetime | None:
    """Say until when Slack itself wants nothing sent in the lane."""
    if decision is not None and decision.what is Class.WAIT:
        return outcome.due_at
    return now + PACE if outcome.state is DeliveryState.DELIVERED else None


def _spread() -> float:
    return random.random()  # noqa: S311 - it only spreads load
