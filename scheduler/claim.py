"""Claiming: which lanes may send now, what each sends next, and its message; many at once, in one transaction.

The claim leases the lanes and commits `send_started_at` before anything leaves. A head that is found in `sending` tells
that an earlier owner died in between, and is treated as ambiguous.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, conversation, delivery, installation, lane, merge, preview, quiet, thread
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason, Try
from models.installation import Installation
from models.lane import Lease, Release
from models.recipient import RecipientKind
from models.secret import Keyring, SecretUnreadableError
from models.thread import Reply
from scheduler.decisions import CANNOT_BE_MADE, TOKEN_UNREADABLE, Decision, Effort, answer_of, judge_edit, judge_send
from scheduler.drawing.kinds import draw_alone, draw_deliveries
from scheduler.drawing.telling import Drawn, Setting
from scheduler.messages.message import Edited, Message, Unaddressed, Unfurled
from scheduler.places import HeldBackError

log = structlog.get_logger()

SOON = timedelta(milliseconds=20)
"""When a lane is looked at again to which somebody was just about to owe something, or whose head waits for another."""

LOST = {DeliveryState.SENDING, DeliveryState.AMBIGUOUS}
"""What may stand in Slack already."""

HISTORY_SCOPES = {"channels:history", "groups:history"}
TOKENS_KEPT = 10_000


@dataclass(frozen=True, kw_only=True)
class Job:
    """A claimed lane with the delivery at its head. A message means: send it; None: look whether it was sent."""

    lane_id: str
    lane_token: int
    delivery_id: str
    workspace_id: str
    target: str
    recipient_kind: RecipientKind
    place: str | None
    """Where it is posted: a channel's id or a person's; None for a group whose conversation is to be opened first."""
    is_channel: bool
    token: str = field(repr=False)
    token_sealed: str
    effort: Effort
    started_at: datetime
    sent_at: datetime
    """When the message left, or may have, if it is only looked for."""
    message: Message | Unfurled | Unaddressed | None
    edited: Edited | None = None
    """The posted message in whose place this one is put, if that is what is sent."""
    is_edit: bool = False
    """Whether it brings a message up to date, and is itself no news to anybody."""
    reply: Reply | None = None
    """Under which message it is told, where it is a reply."""
    is_kept_together: bool = False
    """Whether it belongs with others about its account."""


@dataclass(frozen=True)
class Turn:
    """A claimed lane with its head, whose time has come, and the installation that it is sent with."""

    lease: Lease
    owed: Delivery
    grant: Installation
    reply: Reply | None = None
    """Under which message it is told, where it is a reply."""

    @property
    def is_lost(self) -> bool:
        """Say whether an earlier try may have arrived, and repeating it would be seen."""
        return self.owed.state in LOST and self.lease.method != delivery.UPDATE


@dataclass(frozen=True)
class Claimed:
    """What came of a claim: how many lanes were taken, and what is to be done for those that have something to do."""

    lanes: int
    jobs: Sequence[Job]


class Claimer:
    """Claims lanes for one worker, and makes jobs of what they owe."""

    def __init__(self, *, keyring: Keyring, public_url: str, owner: str, most_of_one: int) -> None:
        """Take the worker's name, and how many lanes of one workspace it may hold together."""
        self._owner = owner
        self._most_of_one = most_of_one
        self._public_url = public_url
        self._picture_url = partial(preview.address, keyring=keyring, public_url=public_url)
        self._open: Callable[[str], str] = lru_cache(TOKENS_KEPT)(keyring.open)

    async def claim(self, session: AsyncSession, *, limit: int, now: datetime, alone: bool = False) -> Claimed:
        """Claim lanes and begin what they owe; `alone` loads the facts one by one, of which some can't be loaded."""
        lanes = await lane.claim(session, owner=self._owner, limit=limit, most_of_one=self._most_of_one, now=now)
        if not lanes:
            return Claimed(0, [])
        turns, given_back = await _turns(session, lanes, now=now)
        instead = await merge.merge(session, [turn.owed for turn in turns], now=now)
        turns = [replace(turn, owed=instead.get(turn.owed.id, turn.owed)) for turn in turns]
        turns, put_off = await _arrange(session, turns, now=now)
        given_back += [_give_back(turn.lease, at=now + SOON) for turn in put_off]
        looked = {turn.owed.id for turn in turns if turn.is_lost and await _can_look(session, turn)}
        drawn = await self._draw(session, [turn for turn in turns if turn.owed.id not in looked], alone=alone, now=now)
        opened = await _opened(session, turns)
        jobs = []
        for turn in turns:
            match self._begin(turn, drawn.get(turn.owed.id), opened, now=now):
                case Job() as job:
                    jobs.append(job)
                case SkipReason() as because:
                    delivery.skip(turn.owed, because, now=now)
                    given_back.append(_give_back(turn.lease, at=now))
                case error:
                    given_back.append(await _put_off(session, turn, error, now=now))
        await session.flush()
        await delivery.look(session, [job.delivery_id for job in jobs if job.message is None])
        await delivery.start(session, [job.delivery_id for job in jobs if job.message is not None], now=now)
        await lane.release(session, given_back)
        return Claimed(len(lanes), jobs)

    async def _draw(
        self, session: AsyncSession, turns: Sequence[Turn], *, alone: bool, now: datetime
    ) -> dict[str, Drawn | Exception]:
        """Draw what is to be sent, marked where an earlier try may have arrived and nobody can look."""
        for turn in turns:
            if turn.is_lost:
                turn.owed.may_be_repeat = True
        draw = draw_alone if alone else draw_deliveries
        setting = Setting(now, self._public_url, self._picture_url)
        return await draw(session, [turn.owed for turn in turns], setting=setting)

    def _begin(
        self, turn: Turn, drawn: Drawn | Exception | None, opened: Mapping[tuple[str, str], str], *, now: datetime
    ) -> Job | SkipReason | Exception:
        """Make a turn's job, or say why there is none."""
        if isinstance(drawn, SkipReason | Exception):
            return drawn
        claimed, owed, grant = turn.lease, turn.owed, turn.grant
        try:
            token = self._open(grant.token_sealed)
        except SecretUnreadableError as error:
            return error
        return Job(
            lane_id=claimed.lane_id,
            lane_token=claimed.token,
            delivery_id=owed.id,
            workspace_id=owed.workspace_id,
            target=owed.target,
            recipient_kind=RecipientKind(owed.recipient_kind),
            place=opened.get((owed.workspace_id, owed.target))
            if owed.recipient_kind == RecipientKind.GROUP_DM
            else owed.target,
            is_channel=owed.recipient_kind == RecipientKind.CHANNEL and claimed.method == delivery.POST,
            token=token,
            token_sealed=grant.token_sealed,
            effort=Effort(attempts=owed.attempts + 1, owed_since=owed.created_at),
            started_at=now,
            sent_at=(owed.send_started_at if drawn is None else None) or now,
            message=drawn.message if isinstance(drawn, Edited) else drawn,
            edited=drawn if isinstance(drawn, Edited) else None,
            is_edit=owed.fact_kind == FactKind.EDIT,
            reply=turn.reply,
            is_kept_together=owed.is_kept_together,
        )


async def _turns(session: AsyncSession, lanes: Sequence[Lease], *, now: datetime) -> tuple[list[Turn], list[Release]]:
    """Find the heads of claimed lanes. What is not due yet, or owes nothing, is given back."""
    heads = await _heads(session, lanes, now=now)
    await quiet.put_off(session, heads.values(), now=now)
    grants = await installation.many(session, {one.workspace_id for one in lanes})
    turns, given_back = [], []
    for one in lanes:
        owed = heads.get(one.lane_id)
        if owed is None or owed.due_at > now:
            given_back.append(_give_back(one, at=owed.due_at if owed else now + SOON))
        else:
            turns.append(Turn(one, owed, grants[one.workspace_id]))
    return turns, given_back


async def _arrange(session: AsyncSession, turns: Sequence[Turn], *, now: datetime) -> tuple[list[Turn], list[Turn]]:
    """Say what replies to which message; and tell apart what doesn't go now, since it waits for another."""
    arranged = await thread.arrange(session, [turn.owed for turn in turns], now=now)
    going = [turn for turn in turns if turn.owed.id not in arranged.put_off]
    put_off = [turn for turn in turns if turn.owed.id in arranged.put_off]
    replies = arranged.replies
    return [replace(turn, reply=replies[turn.owed.id]) if turn.owed.id in replies else turn for turn in going], put_off


async def _heads(session: AsyncSession, lanes: Sequence[Lease], *, now: datetime) -> dict[str, Delivery]:
    """Find what each lane sends next."""
    updates = [one.lane_id for one in lanes if one.method == delivery.UPDATE]
    found = await lane.heads(session, [one.lane_id for one in lanes if one.method != delivery.UPDATE])
    return found | await lane.next_updates(session, updates, now=now) if updates else found


def _give_back(claimed: Lease, *, at: datetime) -> Release:
    return Release(lane_id=claimed.lane_id, token=claimed.token, next_send_at=at, not_before=claimed.not_before)


async def _opened(session: AsyncSession, turns: Sequence[Turn]) -> dict[tuple[str, str], str]:
    """Find the conversations of groups that are open, by the workspace's id and the target."""
    owed = [turn.owed for turn in turns if turn.owed.recipient_kind == RecipientKind.GROUP_DM]
    return await conversation.opened(session, {(one.workspace_id, one.target) for one in owed})


async def _can_look(session: AsyncSession, turn: Turn) -> bool:
    """Say whether the granted scopes let us read the channel's history; an unfurl is no message to be found.

    What stands in a thread of a channel and nowhere else is shown to no bot.
    """
    if turn.reply is not None and not turn.reply.is_broadcast:
        return False
    owed, scopes = turn.owed, set(turn.grant.scopes)
    if owed.recipient_kind != RecipientKind.CHANNEL or owed.fact_kind == FactKind.UNFURL:
        return False
    known = await channel.get(session, owed.workspace_id, owed.target)
    if known is None:
        return scopes >= HISTORY_SCOPES
    return ("groups:history" if known.is_private else "channels:history") in scopes


async def _put_off(session: AsyncSession, turn: Turn, error: Exception, *, now: datetime) -> Release:
    """Settle the head of a lane of which no job could be made, so that it holds up no other."""
    owed, workspace_id = turn.owed, turn.owed.workspace_id
    decision, answer = _why_put_off(error)
    if not isinstance(error, HeldBackError):
        log.error("job_not_made", delivery_id=owed.id, workspace_id=workspace_id, exc_info=error)
    owed.attempts += 1
    await session.flush()
    effort = Effort(attempts=owed.attempts, owed_since=owed.created_at)
    judge = judge_edit if owed.fact_kind == FactKind.EDIT else judge_send
    outcome = judge(decision, answer, effort, now=now, spread=spread())
    tried = Try(workspace_id=workspace_id, delivery_id=owed.id, number=owed.attempts, started_at=now, outcome=outcome)
    await delivery.settle(session, [tried], now=now)
    return _give_back(turn.lease, at=now + SOON if turn.lease.method == delivery.UPDATE else outcome.due_at)


def _why_put_off(error: Exception) -> tuple[Decision, str]:
    match error:
        case HeldBackError():
            return error.decision, "held back"
        case SecretUnreadableError():
            return TOKEN_UNREADABLE, answer_of(error)
        case _:
            return CANNOT_BE_MADE, answer_of(error)


def spread() -> float:
    """Give how far within its bounds a wait is moved, so that those that failed together don't come back together."""
    return random.random()  # noqa: S311 - it only spreads load
