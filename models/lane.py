"""A lane: the queue of one target (a channel, a person) for one Slack method in one workspace.

A worker claims lanes, not deliveries. A claim is a lease with a fencing token: whoever claims a lane after its lease
ran out raises the token, and the earlier owner's outcome is then refused.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Index, String, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.base import Base, Id, Number, insert, new_id
from models.channel import Channel
from models.database import wake
from models.delivery import OPEN, UNSENT, Delivery, DeliveryState, Owed, SkipReason
from models.installation import Installation
from models.recipient import Recipient
from models.wakeup import Topic

LEASE = timedelta(seconds=90)
"""Outlasts the HTTP timeout of a send by far."""

LIMITED_TOGETHER = timedelta(seconds=5)
"""Two lanes of a workspace limited within this time mean that the workspace is."""


class Lane(Base):
    """One queue. `next_send_at` is its pace, its back-off and its `Retry-After` in one."""

    __tablename__ = "lanes"
    __table_args__ = (
        Index("uq_lanes_target", "workspace_id", "method", "target", unique=True),
        Index(None, "next_send_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    method: Mapped[str] = mapped_column(String(60))
    target: Mapped[str] = mapped_column(String(255))
    next_send_at: Mapped[datetime]
    not_before: Mapped[datetime | None]
    """Until when Slack itself wants silence, for its pace or by its `Retry-After`: nobody can hurry that."""
    limited_at: Mapped[datetime | None]
    owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None]
    token: Mapped[int] = mapped_column(Number, default=0)


class Pause(Base):
    """A time in which nothing is sent in a whole workspace, because Slack said so."""

    __tablename__ = "pauses"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    until: Mapped[datetime]


async def owe(session: AsyncSession, workspace_id: str, owed: Sequence[Owed], *, now: datetime) -> int:
    """Owe messages, each in the lane of its target, in their order; say how many of them were not owed before."""
    lanes = await _find_or_make(session, workspace_id, {(one.method, one.recipient[1]) for one in owed}, now=now)
    rows = [one.row(workspace_id, lanes[one.method, one.recipient[1]], now=now) for one in owed]
    statement = insert(session, Delivery).on_conflict_do_nothing().returning(Delivery.id)
    new = len((await session.scalars(statement, rows)).all()) if rows else 0
    if new:
        wake(session, Topic.DELIVERIES)
    return new


async def _find_or_make(
    session: AsyncSession, workspace_id: str, wanted: set[tuple[str, str]], *, now: datetime
) -> dict[tuple[str, str], str]:
    """Give the ids of the lanes of these methods and targets."""
    found = await _find(session, workspace_id, wanted)
    missing = sorted(wanted - found.keys())
    if not missing:
        return found
    rows = [
        {
            "id": new_id("lan", now),
            "workspace_id": workspace_id,
            "method": method,
            "target": target,
            "next_send_at": now,
            "token": 0,
        }
        for method, target in missing
    ]
    await session.execute(insert(session, Lane).values(rows).on_conflict_do_nothing())
    return await _find(session, workspace_id, wanted)


async def _find(session: AsyncSession, workspace_id: str, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    targets = {target for _, target in wanted}
    query = select(Lane.method, Lane.target, Lane.id).where(Lane.workspace_id == workspace_id, Lane.target.in_(targets))
    return {(method, target): lane_id for method, target, lane_id in await session.execute(query)}


def _is_ready(now: datetime) -> ColumnElement[bool]:
    return and_(Lane.next_send_at <= now, or_(Lane.lease_until.is_(None), Lane.lease_until <= now), _has_work(now))


def _has_work(now: datetime) -> ColumnElement[bool]:
    """Say in SQL whether a lane has something to send and its workspace lets us."""
    installed = exists().where(Installation.workspace_id == Lane.workspace_id, Installation.revoked_at.is_(None))
    paused = exists().where(Pause.workspace_id == Lane.workspace_id, Pause.until > now)
    waiting = exists().where(Delivery.lane_id == Lane.id, Delivery.state.in_(OPEN))
    return and_(installed, ~paused, waiting)


async def claim(session: AsyncSession, *, owner: str, limit: int, now: datetime) -> Sequence[Lane]:
    """Lease lanes that have something to send now; other workers skip them."""
    ready = select(Lane.id).where(_is_ready(now)).order_by(Lane.next_send_at).limit(limit)
    ids = list(await session.scalars(ready.with_for_update(skip_locked=True, key_share=True)))
    statement = (
        update(Lane)
        .where(Lane.id.in_(ids))
        .values(owner=owner, lease_until=now + LEASE, token=Lane.token + 1)
        .returning(Lane)
    )
    return list(await session.scalars(statement, execution_options={"populate_existing": True}))


async def next_time(session: AsyncSession, *, now: datetime) -> datetime | None:
    """Say when the next lane with work may be claimed; None where no lane has any."""
    free_at = case((Lane.lease_until > Lane.next_send_at, Lane.lease_until), else_=Lane.next_send_at)
    found: datetime | None = await session.scalar(select(func.min(free_at)).where(_has_work(now)))
    return found


async def release(
    session: AsyncSession, lane_id: str, *, token: int, next_send_at: datetime, not_before: datetime | None = None
) -> bool:
    """Give a lane back; False where somebody else has claimed it since."""
    statement = (
        update(Lane)
        .where(Lane.id == lane_id, Lane.token == token)
        .values(owner=None, lease_until=None, next_send_at=next_send_at, not_before=not_before)
        .returning(Lane.id)
    )
    return await session.scalar(statement) is not None


async def leased(session: AsyncSession, workspace_id: str, *, now: datetime) -> list[Lane]:
    """List a workspace's lanes that some worker has leased."""
    query = select(Lane).where(Lane.workspace_id == workspace_id, Lane.lease_until > now)
    return list(await session.scalars(query.order_by(Lane.lease_until)))


async def is_held(session: AsyncSession, lane_id: str, *, token: int) -> bool:
    """Say whether the claim with this token still holds, and hold the lane's row until the transaction ends."""
    query = select(Lane.token).where(Lane.id == lane_id).with_for_update(key_share=True)
    return await session.scalar(query) == token


async def hold_those_of(session: AsyncSession, asked_by: str) -> None:
    """Hold the lanes in which a destination's deliveries wait, as whoever sends from them does first."""
    waiting = select(Delivery.lane_id).where(Delivery.asked_by == asked_by, Delivery.state.in_(UNSENT))
    query = select(Lane.id).where(Lane.id.in_(waiting)).order_by(Lane.id)
    await session.execute(query.with_for_update(key_share=True))


async def limit(session: AsyncSession, lane_id: str, *, until: datetime, now: datetime) -> None:
    """Note a 429 on a lane. A second lane limited within five seconds pauses the workspace."""
    workspace_id = await session.scalar(
        update(Lane).where(Lane.id == lane_id).values(limited_at=now).returning(Lane.workspace_id)
    )
    # The pause's row is held first, so that of two lanes limited at the same instant one sees the other.
    held = insert(session, Pause).values(workspace_id=workspace_id, until=now)
    await session.execute(
        held.on_conflict_do_update(index_elements=["workspace_id"], set_={"workspace_id": workspace_id})
    )
    others = select(func.count()).where(
        Lane.workspace_id == workspace_id, Lane.id != lane_id, Lane.limited_at > now - LIMITED_TOGETHER
    )
    if await session.scalar(others):
        is_shorter = (Pause.workspace_id == workspace_id, Pause.until < until)
        await session.execute(update(Pause).where(*is_shorter).values(until=until))


async def hurry(session: AsyncSession, workspace_id: str, target: str, *, now: datetime) -> None:
    """Try a target again at once: what stood in the way is gone. Slack's pace and its limits are kept."""
    theirs = (Lane.workspace_id == workspace_id, Lane.target == target, Lane.next_send_at > now)
    soonest = case((Lane.not_before > now, Lane.not_before), else_=now)
    await session.execute(update(Lane).where(*theirs).values(next_send_at=soonest))
    waiting = (Delivery.workspace_id == workspace_id, Delivery.target == target, Delivery.due_at > now)
    await session.execute(update(Delivery).where(*waiting, Delivery.state == DeliveryState.RETRYING).values(due_at=now))
    wake(session, Topic.DELIVERIES)


async def follow_channel(session: AsyncSession, workspace_id: str, *, old: str, new: str, now: datetime) -> None:
    """Let what was meant for a channel's old id go to its new one: recipients, what is owed, and the lanes.

    What the new id has already stays as it is, and its like under the old id ends.
    """
    for table, column, alike in (
        (Recipient, "target", ("destination_id", "kind")),
        (Delivery, "target", ("asked_by", "fact_kind", "fact_id")),
        (Lane, "target", ("method",)),
        (Channel, "channel_id", ()),
    ):
        there: Any = aliased(table)
        taken = exists().where(
            there.workspace_id == workspace_id,
            getattr(there, column) == new,
            *(getattr(there, name) == getattr(table, name) for name in alike),
        )
        moved = update(table).where(table.workspace_id == workspace_id, getattr(table, column) == old, ~taken)
        await session.execute(moved.values({column: new}), execution_options={"synchronize_session": False})
    await session.execute(delete(Recipient).where(Recipient.workspace_id == workspace_id, Recipient.target == old))
    await session.execute(delete(Channel).where(Channel.workspace_id == workspace_id, Channel.channel_id == old))
    doubled = (Delivery.workspace_id == workspace_id, Delivery.target == old, Delivery.state.in_(UNSENT))
    skipped = {"state": DeliveryState.SKIPPED, "reason": SkipReason.DELETED, "fix": None, "settled_at": now}
    await session.execute(update(Delivery).where(*doubled).values(skipped))
