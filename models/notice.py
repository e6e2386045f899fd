"""A streak: a time in which what somebody asked for can't be delivered to one target, of which they are told once.

Streaks are derived from the ledger by whoever looks, at any time and in any number of processes: at most one is open
for a pair of who asks and target, and whoever opens or ends it owes what is told about it in the same transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Index, String, Text, exists, func, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.base import Base, Id, insert, new_id
from models.delivery import OPEN, RUNRATE, TELLS, TROUBLED, Attempt, Delivery, DeliveryState, FactKind, is_open
from models.installation import Installation

OURS = (
    FactKind.NOTICE, FactKind.RECOVERY, FactKind.UNHEARD, FactKind.WELCOME, FactKind.UNFURL, FactKind.SILENCE,
    FactKind.HEARD_AGAIN, FactKind.KEEPER_GONE, FactKind.HISTORY, FactKind.KEY_REFUSED, FactKind.EDIT, FactKind.CLAIM,
    FactKind.RELEASE,
)  # fmt: skip
"""What nobody asked for. That it can't be delivered stands in the ledger, and is told to nobody."""

PASSING = timedelta(minutes=15)
"""How long something may stand in the way that passes by itself, before people hear of it."""

NEWS = timedelta(hours=1)
"""How long ago something may have failed for good, to be told now."""

LOST_NEWS = timedelta(days=1)
"""How long ago a workspace may have taken its grant back, to be told now."""

REINSTALL = "Reinstall Runrate from its set-up page; everything that waits is then sent."
REGAIN = {
    "team_access_revoked": (
        "Ask an admin of the organisation to add Runrate to this workspace again; everything that waits is then sent."
    )
}
"""What to do about a grant that is gone, by the event that told us, where it is something else."""
RETRY = "Retry it once that has passed."
PATIENCE = "It is tried again until it works; nothing has to be done here."

Key = tuple[str, str, str]
"""A workspace, who asks, and a target."""


class Streak(Base):
    """One streak. With `runrate` as who asks and the workspace as target it concerns the whole workspace."""

    __tablename__ = "streaks"
    __table_args__ = (
        Index(
            "uq_streaks_open",
            "workspace_id",
            "asked_by",
            "target",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    asked_by: Mapped[str] = mapped_column(Id)
    target: Mapped[str] = mapped_column(String(255))
    recipient_kind: Mapped[str] = mapped_column(String(20))
    """What the target is; empty where the streak concerns the whole workspace."""
    cause: Mapped[str] = mapped_column(Text)
    fix: Mapped[str] = mapped_column(Text)
    waiting_since: Mapped[datetime]
    """When the oldest delivery was owed that this holds up."""
    began_at: Mapped[datetime]
    """When the first try failed."""
    told_at: Mapped[datetime | None]
    """When people were told, or it was decided whom to tell; None where there is no way to tell anybody."""
    ended_at: Mapped[datetime | None]
    delivered: Mapped[int] = mapped_column(default=0)
    """How many of those that waited were delivered when it ended."""

    @property
    def key(self) -> Key:
        """Say whose streak it is."""
        return self.workspace_id, self.asked_by, self.target

    @property
    def is_everywhere(self) -> bool:
        """Say whether it concerns the whole workspace."""
        return (self.asked_by, self.target) == (RUNRATE, self.workspace_id)


@dataclass(frozen=True, kw_only=True)
class Failing:
    """What stands in the way at present of one pair, or of a whole workspace."""

    key: Key
    recipient_kind: str = ""
    cause: str
    fix: str
    since: datetime
    is_news: bool = True
    """Whether people have to hear of it; otherwise it may pass by itself, or is old."""
    delivery_id: str | None = None
    """The delivery that shows it; None where it is the workspace's grant that is gone."""
    asked_by: frozenset[str] = frozenset()
    """Who asks for what it holds up."""

    @property
    def is_lost(self) -> bool:
        """Say whether the workspace's grant is gone, so that nobody can be told in Slack."""
        return self.delivery_id is None


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a streak ended."""

    delivered: int = 0
    is_recovery: bool = True
    """Otherwise what could not be delivered is not wanted any more, and there is nothing to tell."""


async def failing(session: AsyncSession, *, now: datetime) -> dict[Key, Failing]:
    """List what fails at present: whole workspaces, and pairs in the others.

    What passes by itself, and did not for a while, stands in the way of more than one channel as a rule; so that it is
    told once a workspace.
    """
    found = {one.key: one for one in await _lost(session, now=now)}
    for one in await _held_up(session):
        passes = not one.fix
        found.setdefault(one.key, replace(one, is_news=not passes))
        if passes and now - one.since >= PASSING:
            key = _everywhere(one.key[0])
            so_far = found.get(key, replace(one, key=key, recipient_kind="", fix=PATIENCE))
            found[key] = replace(so_far, asked_by=so_far.asked_by | one.asked_by)
    for one in await _given_up(session, now=now):
        found.setdefault(one.key, one)
    return found


def _everywhere(workspace_id: str) -> Key:
    return workspace_id, RUNRATE, workspace_id


async def _lost(session: AsyncSession, *, now: datetime) -> list[Failing]:
    """List the workspaces whose grant is gone, with whatever they asked for."""
    query = select(Installation).where(Installation.revoked_at.is_not(None))
    return [
        Failing(
            key=_everywhere(one.workspace_id),
            cause=one.why_lost or "",
            fix=REGAIN.get(one.revoked_because or "", REINSTALL),
            since=one.revoked_at,
            is_news=now - one.revoked_at < LOST_NEWS,
        )
        for one in await session.scalars(query)
        if one.revoked_at is not None
    ]


async def _held_up(session: AsyncSession, *, only: str | None = None) -> list[Failing]:
    """List the oldest troubled delivery of each pair, tried since the workspace last installed us."""
    tries = select(Attempt.delivery_id).where(Attempt.delivery_id == Delivery.id).correlate(Delivery)
    first = tries.with_only_columns(func.min(Attempt.started_at)).scalar_subquery()
    last = tries.with_only_columns(func.max(Attempt.finished_at)).scalar_subquery()
    query = (
        select(Delivery, first)
        .join(Installation, Installation.workspace_id == Delivery.workspace_id)
        .where(
            TROUBLED,
            Delivery.state.in_(OPEN),
            Delivery.fact_kind.not_in(OURS),
            Installation.revoked_at.is_(None),
            last >= Installation.installed_at,
        )
        .order_by(Delivery.id)
    )
    if only is not None:
        query = query.where(Delivery.id == only)
    return [_of(owed, since=since) for owed, since in await session.execute(query)]


async def _given_up(session: AsyncSession, *, now: datetime, only: str | None = None) -> list[Failing]:
    """List the pairs whose newest outcome is a failure for good, within the last hour, that belongs to no streak."""
    pair = (Delivery.workspace_id, Delivery.asked_by, Delivery.target)
    is_failed = (TROUBLED, Delivery.state == DeliveryState.FAILED, Delivery.fact_kind.not_in(OURS))
    newest = select(func.max(Delivery.id)).where(*is_failed, Delivery.settled_at > now - NEWS).group_by(*pair)
    later = aliased(Delivery)
    was_better_since = exists().where(
        tuple_(later.workspace_id, later.asked_by, later.target) == tuple_(*pair),
        later.created_at >= Delivery.created_at,
        later.settled_at >= Delivery.settled_at,
        later.state == DeliveryState.DELIVERED,
    )
    was_told = exists().where(
        tuple_(Streak.workspace_id, Streak.asked_by, Streak.target) == tuple_(*pair),
        or_(Streak.ended_at.is_(None), Streak.ended_at >= Delivery.settled_at),
    )
    installed = exists().where(Installation.workspace_id == Delivery.workspace_id, Installation.revoked_at.is_(None))
    query = select(Delivery).where(Delivery.id.in_(newest), ~was_better_since, ~was_told, installed)
    if only is not None:
        query = query.where(Delivery.id == only)
    found = [_of(owed, since=owed.send_started_at) for owed in await session.scalars(query)]
    return [replace(one, fix=one.fix or RETRY) for one in found]


def _of(owed: Delivery, *, since: datetime | None) -> Failing:
    return Failing(
        key=(owed.workspace_id, owed.asked_by, owed.target),
        recipient_kind=owed.recipient_kind,
        cause=owed.reason or "",
        fix=owed.fix or "",
        since=since or owed.created_at,
        delivery_id=owed.id,
        asked_by=frozenset({owed.asked_by}),
    )


async def going_on(session: AsyncSession) -> list[Streak]:
    """List the streaks that have not ended."""
    return list(await session.scalars(select(Streak).where(Streak.ended_at.is_(None)).order_by(Streak.id)))


async def get(session: AsyncSession, workspace_id: str, streak_id: str) -> Streak | None:
    """Find a streak of this workspace."""
    found = await session.get(Streak, streak_id)
    return found if found is not None and found.workspace_id == workspace_id else None


async def begin(session: AsyncSession, found: Failing, *, now: datetime) -> Streak | None:
    """Open a streak; None where another has done so, or where it isn't so any more.

    What shows it is held until the transaction ends, so that it can't be delivered meanwhile.
    """
    if not await _is_still_so(session, found, now=now):
        return None
    workspace_id, asked_by, target = found.key
    held_up = or_(is_open(), Delivery.id == found.delivery_id)
    oldest = select(func.min(Delivery.created_at)).where(held_up, *_theirs(found.key))
    new = {
        "id": new_id("str", now),
        "workspace_id": workspace_id,
        "asked_by": asked_by,
        "target": target,
        "recipient_kind": found.recipient_kind,
        "cause": found.cause,
        "fix": found.fix,
        "waiting_since": await session.scalar(oldest) or found.since,
        "began_at": found.since,
        "delivered": 0,
    }
    opened: Streak | None = await session.scalar(
        insert(session, Streak).values(new).on_conflict_do_nothing().returning(Streak)
    )
    return opened


async def _is_still_so(session: AsyncSession, found: Failing, *, now: datetime) -> bool:
    if found.delivery_id is None:
        revoked = select(Installation.workspace_id).where(
            Installation.workspace_id == found.key[0], Installation.revoked_at.is_not(None)
        )
        return await session.scalar(revoked.with_for_update(key_share=True)) is not None
    held = select(Delivery.id).where(Delivery.id == found.delivery_id)
    await session.execute(held.with_for_update())
    only = found.delivery_id
    return bool(await _held_up(session, only=only) or await _given_up(session, now=now, only=only))


async def change(session: AsyncSession, streak: Streak, found: Failing) -> None:
    """Note the newest cause; nobody is told of it again."""
    same = update(Streak).where(Streak.id == streak.id, Streak.ended_at.is_(None))
    await session.execute(same.values(cause=found.cause, fix=found.fix))


async def ending(session: AsyncSession, streak: Streak, *, now: datetime) -> Ending | None:
    """Say how a streak ends of which nothing fails at present; None while it can't be said.

    Those that waited are let through first, so that their number can be told.
    """
    theirs = (*_theirs(streak.key), Delivery.created_at >= streak.waiting_since)
    delivered = (*theirs, Delivery.state == DeliveryState.DELIVERED, Delivery.settled_at >= streak.began_at)
    first: datetime | None = await session.scalar(select(func.min(Delivery.settled_at)).where(*delivered))
    works_since = first or await _installed_since(session, streak)
    if works_since is None:
        is_wanted = Delivery.state.in_((*OPEN, DeliveryState.FAILED))
        is_left = await session.scalar(select(Delivery.id).where(*theirs, is_wanted).limit(1)) is not None
        return None if is_left else Ending(is_recovery=False)
    waiting = select(Delivery.id).where(is_open(), *_theirs(streak.key), Delivery.created_at <= works_since)
    if now - works_since < PASSING and await session.scalar(waiting.limit(1)) is not None:
        return None
    waited = select(func.sum(TELLS)).where(*delivered, Delivery.created_at <= works_since)
    return Ending(delivered=await session.scalar(waited) or 0)


async def _installed_since(session: AsyncSession, streak: Streak) -> datetime | None:
    """Say when the workspace installed us again, if that is what a streak waited for."""
    grant = await session.get(Installation, streak.workspace_id) if streak.is_everywhere else None
    return grant.installed_at if grant is not None and grant.installed_at > streak.began_at else None


async def end(session: AsyncSession, streak: Streak, how: Ending, *, now: datetime) -> bool:
    """End a streak; False where another has done so."""
    statement = (
        update(Streak)
        .where(Streak.id == streak.id, Streak.ended_at.is_(None))
        .values(ended_at=now, delivered=how.delivered)
        .returning(Streak.id)
    )
    return await session.scalar(statement) is not None


async def count(session: AsyncSession, streak: Streak) -> tuple[int, int]:
    """Count what waits because of a streak, and what was given up in it."""
    waiting = select(func.sum(TELLS)).where(is_open(), *_theirs(streak.key))
    failed = select(func.count()).where(
        *_theirs(streak.key),
        Delivery.state == DeliveryState.FAILED,
        Delivery.created_at >= streak.waiting_since,
        Delivery.settled_at >= streak.began_at,
    )
    return await session.scalar(waiting) or 0, await session.scalar(failed) or 0


async def recipients(session: AsyncSession, streak: Streak) -> list[tuple[str, str]]:
    """List the kind and target of everybody who was told of a streak, or is about to be."""
    query = select(Delivery.recipient_kind, Delivery.target).where(*_notices(streak)).order_by(Delivery.id)
    return [(row.recipient_kind, row.target) for row in await session.execute(query)]


async def was_told(session: AsyncSession, streak: Streak, target: str) -> bool:
    """Say whether a notice of the streak was delivered to somebody."""
    query = select(Delivery.id).where(
        *_notices(streak), Delivery.target == target, Delivery.state == DeliveryState.DELIVERED
    )
    return await session.scalar(query) is not None


def _notices(streak: Streak) -> tuple[ColumnElement[bool], ...]:
    return (
        Delivery.workspace_id == streak.workspace_id,
        Delivery.asked_by == RUNRATE,
        Delivery.fact_kind == FactKind.NOTICE,
        Delivery.fact_id == streak.id,
    )


def _theirs(key: Key) -> tuple[Any, ...]:
    """Say in SQL which deliveries a streak concerns."""
    workspace_id, asked_by, target = key
    everything = (Delivery.workspace_id == workspace_id, Delivery.fact_kind.not_in(OURS))
    if key == _everywhere(workspace_id):
        return everything
    return (*everything, Delivery.asked_by == asked_by, Delivery.target == target)
