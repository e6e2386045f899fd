"""Dispatching: lanes are claimed, and what each owes next is sent, one message at a time a lane.

Two transactions surround a send. The claim leases the lane and commits `send_started_at` before anything leaves; the
POST happens between them; the outcome is written only while the lane's token is still ours. Both take many lanes at
once: a claim takes as many as may be in flight, and what was answered meanwhile is settled together.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from models import channel, conversation, lane
from models.database import Database, is_passing
from models.delivery import DeliveryState, Outcome
from models.lookup import Known
from models.recipient import IN_PERSON, RecipientKind, To
from models.secret import Keyring
from models.wakeup import Topic
from scheduler import whose
from scheduler.claim import Claimed, Claimer, Job, spread
from scheduler.decisions import (
    THREAD_GONE,
    Class,
    Decision,
    NotOpenedError,
    answer_of,
    decide,
    is_elsewhere,
    judge_edit,
    judge_look,
    judge_send,
    judge_unfurl,
)
from scheduler.jumps import Jumps
from scheduler.messages.message import Message, Unaddressed, Unfurled, plainer
from scheduler.places import CLOSED_DM, NO_CONVERSATION, NOBODY, UNSEEN, unseen
from scheduler.refusals import Refusals
from scheduler.settle import LAST_SECONDS, Settler
from scheduler.slack import Slack

log = structlog.get_logger()

PACE = timedelta(seconds=1)
"""Slack takes one message a second in a channel."""

MOST_IN_FLIGHT = 256
AT_ONCE = 0.5
"""The share of them that one claim takes: while these are claimed, the others are on their way."""

MOST_OF_ONE = 0.75
"""The share of them that one workspace may take, so that one whose messages hang leaves room for the others."""

ASKED_WITHIN = 3.0
"""Seconds for asking whom a message is to mention."""

POLL = 1.0
BLOCKED = 0.02
"""Seconds after which lanes are looked at again that are due, and that we may not or can't claim now."""

ROOM = 0.02
"""Seconds that a claim waits for room for as many as it may take: few large ones cost less than many small ones."""

AS_TEXT = "ok, as text alone"
ONLY_TEXT = "sent as text alone: Slack refused the message's form"

Result = TypeVar("Result")


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
        pace: timedelta = PACE,
        most_in_flight: int = MOST_IN_FLIGHT,
    ) -> None:
        """Take what is needed; `owner` names this process in the lanes that it leases, `pace` is a lane's."""
        self._database = database
        self._slack = slack
        self._now = now
        self._most_in_flight = most_in_flight
        self._most_at_once = max(int(most_in_flight * AT_ONCE), 1)
        most_of_one = max(int(most_in_flight * MOST_OF_ONE), 1)
        self._claimer = Claimer(keyring=keyring, public_url=public_url, owner=owner, most_of_one=most_of_one)
        self._refusals = Refusals()
        self._jumps = Jumps(now)
        self._settler = Settler(database=database, now=now, pace=pace)
        self._in_flight: set[asyncio.Task[Any]] = set()
        self._is_roomy = asyncio.Event()
        self._has_more = False
        self._is_stopping = False

    async def run(self) -> None:
        """Send until stopped or cancelled; then finish what is in flight, and claim nothing more."""
        try:
            while not self._is_stopping:
                marks = self._database.wakeups.marks(Topic.DELIVERIES, Topic.INSTALLATIONS)
                try:
                    pause = await self._turn()
                except Exception:
                    log.exception("dispatch_failed")
                    pause = POLL
                if pause:
                    await self._database.wakeups.wait(*marks, since=marks, seconds=pause)
        finally:
            await asyncio.shield(self._finish(within=LAST_SECONDS))

    def stop(self) -> None:
        """Let `run()` end at its next wake-up."""
        self._is_stopping = True

    def abort(self) -> None:
        """Cut off whatever is in flight where it stands: nothing of it is written down, and no lane is given back."""
        for flight in self._in_flight:
            flight.cancel()
        self._settler.abort()

    async def drain(self) -> None:
        """Send everything that may be sent now, and wait for the outcomes."""
        while await self._claim_ready(self._most_in_flight, now=self._now()):
            await self._finish()

    async def _finish(self, *, within: float | None = None) -> None:
        while self._in_flight:
            await asyncio.gather(*self._in_flight, return_exceptions=True)
        await self._settler.finish(within=within)

    @property
    def _free(self) -> int:
        return self._most_in_flight - len(self._in_flight)

    async def _turn(self) -> float:
        """Claim what is ready; say in how many seconds to look again, if nothing wakes us before."""
        limit = await self._room()
        if not limit:
            return 0.0
        wait = 0.0 if self._has_more else await self._until_next()
        if wait > 0:
            return wait
        while self._jumps.was_put_forward():
            # The lanes of what is in flight would seem free, and their messages lost.
            await self._finish()
        claimed = await self._claim_ready(limit, now=self._jumps.now)
        self._has_more = claimed == limit
        return 0.0 if claimed else BLOCKED

    async def _room(self) -> int:
        """Say how many may be claimed; where that is not much, wait a moment for more."""
        if self._free < self._most_at_once:
            self._is_roomy.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_roomy.wait(), ROOM)
        return max(min(self._free, self._most_at_once), 0)

    async def _until_next(self) -> float:
        """Say in how many seconds a lane may be claimed; 0 where one may be now."""
        async with self._database.read() as session:
            due = await lane.next_time(session, now=self._now())
        if due is None:
            return POLL
        wait = (due - self._now()).total_seconds()
        return min(max(wait, 0.005), POLL) if wait > 0 else 0.0

    async def _claim_ready(self, limit: int, *, now: datetime) -> int:
        """Claim lanes that are ready and start sending; say how many there were."""
        # Cancelled between its commit and the sending, a claim would leave messages that look as if they had left.
        return await asyncio.shield(self._fly(self._claim(limit, now=now)))

    def _fly(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        task = asyncio.create_task(work)
        self._in_flight.add(task)
        task.add_done_callback(self._land)
        return task

    def _land(self, task: asyncio.Task[Any]) -> None:
        self._in_flight.discard(task)
        if self._free >= self._most_at_once:
            self._is_roomy.set()

    async def _claim(self, limit: int, *, now: datetime) -> int:
        try:
            claimed = await self._claim_at_once(limit, alone=False, now=now)
        except Exception as error:
            if is_passing(error):
                raise
            log.exception("claim_failed")
            claimed = await self._claim_at_once(limit, alone=True, now=now)
        for job in claimed.jobs:
            self._fly(self._carry_out(job))
        return claimed.lanes

    async def _claim_at_once(self, limit: int, *, alone: bool, now: datetime) -> Claimed:
        claim = partial(self._claimer.claim, limit=limit, now=now, alone=alone)
        return await self._database.transact(claim)

    async def _carry_out(self, job: Job) -> None:
        try:
            outcome, decision = await (self._send(job) if job.message is not None else self._look(job))
        except Exception:
            # The row stays in `sending` and is settled as ambiguous once the lease has run out.
            log.exception("delivery_not_settled", delivery_id=job.delivery_id, workspace_id=job.workspace_id)
        else:
            self._settler.add(job, outcome, decision)

    async def _send(self, job: Job, *, may_join: bool = True) -> tuple[Outcome, Decision | None]:
        """Post the message, and once more after entering the channel, or in the plainer form where Slack refuses it."""
        job = self._spared(await self._addressed(job))
        try:
            return await self._post(job)
        except Exception as error:  # noqa: BLE001 - every error is an answer, and the table knows what it means
            decision, answer = decide(error, now=self._now()), answer_of(error)
        if decision.what is Class.JOIN and may_join and job.is_channel and await self._join(job):
            return await self._send(job, may_join=False)
        form = plainer(job.message) if decision.what is Class.PLAIN and isinstance(job.message, dict) else None
        if form is not None and (form["blocks"] or not job.is_edit):  # What is posted already has more than its text.
            return await self._send_plainer(job, form, may_join=may_join)
        if answer in NO_CONVERSATION and job.recipient_kind in IN_PERSON and job.edited is None:
            decision = await self._gone(job)
        if answer == UNSEEN and job.is_channel:
            async with self._database.read() as session:
                decision = unseen(await channel.get(session, job.workspace_id, job.target))
        return self._judge(job, decision, answer)

    def _judge(self, job: Job, decision: Decision, answer: str) -> tuple[Outcome, Decision]:
        """Say what a refusal comes to for what was to be sent."""
        now = self._now()
        if isinstance(job.message, Unfurled):
            return judge_unfurl(decision, answer, job.effort, now=now), decision
        is_bound = job.reply is not None or (job.edited is not None and not job.is_edit)
        is_closed = decision is CLOSED_DM
        if is_bound and (is_closed or is_elsewhere(decision, answer, job.effort, is_edit=job.edited is not None)):
            again = Outcome(state=DeliveryState.RETRYING, answer=answer, due_at=now)
            return again, replace(decision, what=Class.OVER)
        judge = judge_edit if job.is_edit else judge_send
        return judge(decision, answer, job.effort, now=now, spread=spread()), decision

    async def _addressed(self, job: Job) -> Job:
        """Draw a message that mentions somebody, once it is known who that is; without the mention where it isn't."""
        message, found = job.message, Known(None)
        if not isinstance(message, Unaddressed):
            return job
        try:
            async with asyncio.timeout(ASKED_WITHIN):
                found = await whose.find(
                    self._database,
                    self._slack,
                    token=job.token,
                    workspace_id=job.workspace_id,
                    email=message.email,
                    now=self._now(),
                )
        except Exception as error:  # noqa: BLE001 - the message matters more than the mention
            log.info("mention_not_found", workspace_id=job.workspace_id, answer=answer_of(error))
        return replace(job, message=message.draw(None if found.has_left else found.user_id))

    def _spared(self, job: Job) -> Job:
        """Take the form of a job's message that the workspace is known to take."""
        if not isinstance(job.message, dict):
            return job
        spared = self._refusals.spare(job.workspace_id, job.message, now=self._now())
        return job if spared is job.message else replace(job, message=spared)

    async def _send_plainer(self, job: Job, form: Message, *, may_join: bool) -> tuple[Outcome, Decision | None]:
        """Post a plainer form; where that is taken, the other one isn't tried again for a while.

        That nothing but the text was taken is nobody's doing but ours: the ledger and the log say it.
        """
        outcome, decision = await self._send(replace(job, message=form), may_join=may_join)
        if outcome.state is not DeliveryState.DELIVERED:
            return outcome, decision
        if not form["blocks"]:
            log.error("sent_as_text", delivery_id=job.delivery_id, workspace_id=job.workspace_id)
            return replace(outcome, answer=AS_TEXT, reason=ONLY_TEXT), decision
        if isinstance(job.message, dict) and outcome.answer != AS_TEXT:
            self._refusals.note(job.workspace_id, job.message, now=self._now())
        return outcome, decision

    async def _unfurl(self, job: Job, unfurled: Unfurled) -> Outcome:
        await self._slack.unfurl(job.token, channel=job.target, unfurled=unfurled)
        return Outcome(state=DeliveryState.DELIVERED, answer="ok", due_at=self._now())

    async def _post(self, job: Job) -> tuple[Outcome, Decision | None]:
        message, decision = job.message, None
        if isinstance(message, Unfurled):
            return await self._unfurl(job, message), None
        assert isinstance(message, dict)  # noqa: S101 - only jobs with a message are sent, and it is drawn by now
        if job.edited is not None:
            await self._slack.update(job.token, edited=job.edited, message=message)
            where, ts = job.edited.channel, job.edited.ts
        elif job.reply is not None:
            where, ts, stands = await self._slack.reply(
                job.token, under=job.reply, message=message, delivery_id=job.delivery_id
            )
            decision = None if stands else THREAD_GONE
        else:
            place = job.place or await self._open(job)
            where, ts = await self._slack.post(job.token, channel=place, message=message, delivery_id=job.delivery_id)
        posted = Outcome(
            state=DeliveryState.DELIVERED, answer="ok", due_at=self._now(), message_channel=where, message_ts=ts
        )
        return posted, decision

    async def _open(self, job: Job) -> str:
        """Open the conversation of a group, and remember where it is."""
        try:
            place = await self._slack.open(job.token, user_ids=To(job.recipient_kind, job.target).user_ids)
            async with self._database.write() as session:
                await conversation.remember(session, job.workspace_id, job.target, place, now=self._now())
        except Exception as error:
            raise NotOpenedError from error
        return place

    async def _gone(self, job: Job) -> Decision:
        """Say what it means that people's conversation is not there; that of a group is opened anew."""
        if job.recipient_kind is RecipientKind.PERSON:
            return NOBODY
        async with self._database.write() as session:
            await conversation.forget(session, job.workspace_id, job.target)
        return CLOSED_DM

    async def _join(self, job: Job) -> bool:
        try:
            info = await self._slack.join(job.token, job.target)
        except Exception as error:  # noqa: BLE001 - the first answer stands then
            log.info("channel_not_joined", workspace_id=job.workspace_id, answer=answer_of(error))
            return False
        async with self._database.write() as session:
            entered = await channel.remember(session, job.workspace_id, {**info, "is_member": True}, now=self._now())
        # What is drawn for a channel that turns out to be shared may have to be held back, and is drawn again.
        return not entered.needs_confirmation

    async def _look(self, job: Job) -> tuple[Outcome, Decision | None]:
        """Settle an ambiguous delivery by looking for its message; where it isn't there, it is sent."""
        now = self._now()
        try:
            ts = await self._slack.find(job.token, channel=job.target, delivery_id=job.delivery_id, since=job.sent_at)
        except Exception as error:  # noqa: BLE001 - every error is an answer
            decision = decide(error, now=now)
            outcome = judge_look(decision, answer_of(error), job.effort, now=now, spread=spread())
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
