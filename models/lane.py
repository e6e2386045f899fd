"""A lane: the queue of one target (a channel, a person) for one Slack method in one workspace.

A worker claims lanes, not deliveries. A claim is a lease with a fencing token: whoever claims a lane after its lease
ran out raises the token, and the earlier owner's outcome is then refused.

A lane that owes nothing rests: its `next_send_at` is empty, so that whoever looks for work passes over it by an index.
Owing rouses it, and whoever finds nothing more to send puts it to rest. The two can't miss each other: a delivery that
is not committed yet holds its lane's row by its foreign key, and a lane is put to rest only while nobody holds it so.

Whoever holds several lanes holds them up front, in one order: by workspace, and those of updates after all others. So
whoever settles also holds what it comes to need; and whoever claims, which is in no order, waits for none.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Index,
    Row,
    Select,
    String,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models import quiet
from models.base import IDS, UNSEEN, Base, Id, Number, UtcDateTime, among, insert, new_id, rows_among
from models.channel import Channel
from models.database import wake
from models.delivery import MAIL, POST, UNSENT, UPDATE, Delivery, DeliveryState, FactKind, Owed, SkipReason, is_open
from models.given import given
from models.installation import Installation
from models.notice import Streak
from models.recipient import Recipient
from models.wakeup import Topic

LEASE = timedelta(seconds=90)
"""Outlasts the HTTP timeout of a send by far."""

"""Written without looking through the session for rows to change there."""

LIMITED_TOGETHER = timedelta(seconds=5)
"""Two lanes of a workspace limited within this time mean that the workspace is."""

Place = tuple[str, str, str]
"""What a lane is of: a workspace, a method and a target."""


class Lane(Base):
    """One queue."""

    __tablename__ = "lanes"
    __table_args__ = (
        Index("uq_lanes_target", "workspace_id", "method", "target", unique=True),
        Index(None, "next_send_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    method: Mapped[str] = mapped_column(String(60))
    target: Mapped[str] = mapped_column(String(255))
    next_send_at: Mapped[datetime | None]
    """Its pace, its back-off and its `Retry-After` in one; None while it rests."""
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
    return await owe_together(session, [(workspace_id, one) for one in owed], now=now)


async def is_known(session: AsyncSession, workspace_id: str, target: str) -> bool:
    """Say whether a message was ever owed to a target."""
    theirs = (Lane.workspace_id == workspace_id, Lane.method == POST, Lane.target == target)
    return await session.scalar(select(Lane.id).where(*theirs)) is not None


async def owe_together(session: AsyncSession, owed: Sequence[tuple[str, Owed]], *, now: datetime) -> int:
    """Do the same for several workspaces, each message beside the id of its own."""
    places = [one.place(here) for here, one in owed]
    lanes = await _find_or_make(session, set(places), now=now)
    rows = [one.row(here, lanes[place], now=now) for (here, one), place in zip(owed, places, strict=True)]
    await quiet.put_off_new(session, rows, now=now)
    statement = insert(session, Delivery).on_conflict_do_nothing().returning(Delivery.lane_id, Delivery.state)
    connection = await session.connection()
    new = (await connection.execute(statement, rows)).all() if rows else []
    await rouse(session, {lane_id for lane_id, state in new if state == DeliveryState.PENDING}, now=now)
    return len(new)


async def hold_for_updates(session: AsyncSession, workspace_id: str, *, now: datetime) -> str:
    """Hold the lane of a workspace's updates until the transaction ends, let it send soon, and give its id.

    Nothing of it is claimed meanwhile; so that what is owed there already is drawn after this transaction, or was sent.
    """
    lane_id = await of_target(session, workspace_id, UPDATE, workspace_id, now=now)
    await _hold(session, select(Lane.id).where(Lane.id == lane_id))
    soonest = _soonest(now)
    is_later = or_(Lane.next_send_at.is_(None), Lane.next_send_at > soonest)
    roused = update(Lane).where(Lane.id == lane_id, is_later).values(next_send_at=soonest)
    await session.execute(roused, execution_options=UNSEEN)
    wake(session, Topic.DELIVERIES)
    return lane_id


async def of_target(session: AsyncSession, workspace_id: str, method: str, target: str, *, now: datetime) -> str:
    """Give the id of a target's lane."""
    place = (workspace_id, method, target)
    return (await _find_or_make(session, {place}, now=now))[place]


async def rouse(session: AsyncSession, lane_ids: Collection[str], *, now: datetime) -> None:
    """Let lanes send again that rested, and tell the workers. Their deliveries are in by now, which hold their rows."""
    if not lane_ids:
        return
    resting = select(Lane.id).where(among(Lane.id, lane_ids), Lane.next_send_at.is_(None)).order_by(*IN_TURN)
    ids = (await session.scalars(resting.with_for_update(key_share=True))).all()
    if ids:
        roused = update(Lane).where(among(Lane.id, ids)).values(next_send_at=_soonest(now))
        await session.execute(roused, execution_options=UNSEEN)
    wake(session, Topic.DELIVERIES)


def _soonest(now: datetime) -> ColumnElement[datetime | None]:
    """Say in SQL when a lane may send at the earliest: Slack's pace and its limits are kept."""
    return case((Lane.not_before > now, Lane.not_before), else_=now)


async def _find_or_make(session: AsyncSession, wanted: set[Place], *, now: datetime) -> dict[Place, str]:
    """Give the ids of the lanes of these workspaces, methods and targets."""
    found = await _find(session, wanted)
    missing = sorted(wanted - found.keys())
    if not missing:
        return found
    rows = [
        {
            "id": new_id("lan", now),
            "workspace_id": workspace_id,
            "method": method,
            "target": target,
            "token": 0,
        }
        for workspace_id, method, target in missing
    ]
    await (await session.connection()).execute(insert(session, Lane).on_conflict_do_nothing(), rows)
    return await _find(session, wanted)


async def _find(session: AsyncSession, wanted: set[Place]) -> dict[Place, str]:
    columns = (Lane.workspace_id, Lane.method, Lane.target)
    query = select(*columns, Lane.id).where(rows_among(columns, wanted))
    return {(row.workspace_id, row.method, row.target): row.id for row in await session.execute(query)}


NOW = bindparam("now", type_=UtcDateTime())
IS_LEASED = and_(Lane.lease_until.is_not(None), Lane.lease_until > NOW)
IS_MINE = case((and_(IS_LEASED, Lane.owner == bindparam("owner", type_=String())), 1), else_=0)
IS_ALLOWED = and_(
    Lane.method != MAIL,
    exists().where(Installation.workspace_id == Lane.workspace_id, Installation.revoked_at.is_(None)),
    ~exists().where(Pause.workspace_id == Lane.workspace_id, Pause.until > NOW),
)
"""Whether a lane is one of Slack's, and its workspace lets us send."""

TURNS = (
    select(
        Lane.id,
        func.row_number()
        .over(partition_by=Lane.workspace_id, order_by=(IS_MINE.desc(), Lane.next_send_at, Lane.id))
        .label("turn"),
        func.sum(IS_MINE).over(partition_by=Lane.workspace_id).label("held"),
    )
    .where(Lane.next_send_at <= NOW, or_(~IS_LEASED, IS_MINE == 1), IS_ALLOWED)
    .subquery()
)
"""The lanes of each workspace that may send now, numbered after those that the owner holds there already."""

# These statements are put together once: that takes longer than to run them.
FREE = (
    select(Lane.id, Lane.workspace_id, Lane.method, Lane.target, Lane.token, Lane.not_before, TURNS.c.held)
    .join(TURNS, TURNS.c.id == Lane.id)
    .where(Lane.next_send_at <= NOW, ~IS_LEASED)
    .order_by(TURNS.c.turn, Lane.next_send_at)
    .limit(bindparam("most", type_=Number))
    .with_for_update(of=Lane, skip_locked=True, key_share=True)
)
FREE_MAIL = (
    select(Lane.id, Lane.workspace_id, Lane.method, Lane.target, Lane.token, Lane.not_before)
    .where(Lane.method == MAIL, Lane.next_send_at <= NOW, ~IS_LEASED)
    .order_by(Lane.next_send_at)
    .limit(bindparam("most", type_=Number))
)
LEASED = (
    update(Lane)
    .where(among(Lane.id, IDS))
    .values(owner=bindparam("new_owner"), lease_until=bindparam("until"), token=Lane.token + 1)
)
_theirs = aliased(Delivery)
_oldest = select(func.min(_theirs.id)).where(_theirs.lane_id == Lane.id, is_open(_theirs))
_oldest_news = _oldest.where(_theirs.fact_kind != FactKind.CORRECTION)
"""Corrections come last: what was told already is brought up to date, and news doesn't wait for that."""
_first = func.coalesce(_oldest_news.scalar_subquery(), _oldest.scalar_subquery())
HEADS = select(Delivery).where(Delivery.id.in_(select(_first).where(among(Lane.id, IDS))))
_is_due_news = and_(_theirs.fact_kind != FactKind.EDIT, _theirs.due_at <= NOW)
_longest_due = (
    select(_theirs.id)
    .where(_theirs.lane_id == Lane.id, is_open(_theirs))
    .order_by(case((_is_due_news, 0), else_=1), _theirs.due_at, _theirs.id)
    .limit(1)
    .scalar_subquery()
)
NEXT_UPDATES = select(Delivery).where(Delivery.id.in_(select(_longest_due).where(among(Lane.id, IDS))))
FIRST_FREE = (
    select(Lane.next_send_at)
    .where(Lane.next_send_at.is_not(None), ~IS_LEASED, IS_ALLOWED)
    .order_by(Lane.next_send_at)
    .limit(1)
)
FIRST_GIVEN_BACK = select(func.min(Lane.lease_until)).where(Lane.next_send_at <= NOW, IS_LEASED, IS_ALLOWED)
NEXT_TIMES = select(FIRST_FREE.scalar_subquery(), FIRST_GIVEN_BACK.scalar_subquery())
_back = given(id=Id, token=Number, at=UtcDateTime(), silence=UtcDateTime())
GIVEN_BACK = (
    update(Lane)
    .where(Lane.id == _back.c.id, Lane.token == _back.c.token)
    .values(owner=None, lease_until=None, next_send_at=_back.c.at, not_before=_back.c.silence)
)
IN_TURN = (Lane.method == UPDATE, Lane.workspace_id, Lane.id)
"""The order in which lanes are held: those of updates last, since whoever sends or owes may come to need these too."""
HELD = select(Lane.id, Lane.token).where(among(Lane.id, IDS)).order_by(*IN_TURN).with_for_update(key_share=True)
UNHELD = (
    select(Lane.id)
    .where(among(Lane.id, IDS), Lane.lease_until.is_(None))
    .order_by(Lane.id)
    .with_for_update(skip_locked=True)
)
RESTED = (
    update(Lane)
    .where(among(Lane.id, IDS), ~exists().where(Delivery.lane_id == Lane.id, is_open()))
    .values(next_send_at=None)
)


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A claimed lane, and the token of the claim."""

    lane_id: str
    workspace_id: str
    method: str
    target: str
    token: int
    not_before: datetime | None


@dataclass(frozen=True, kw_only=True)
class Release:
    """A lane that is given back: when it sends next, and until when Slack itself wants silence."""

    lane_id: str
    token: int
    next_send_at: datetime
    not_before: datetime | None = None


async def claim(
    session: AsyncSession, *, owner: str, limit: int, most_of_one: int | None = None, now: datetime
) -> list[Lease]:
    """Lease lanes that may send now, in turn between the workspaces; other workers skip them.

    `most_of_one` is how many lanes of one workspace an owner holds at most, those that it holds already included.
    """
    connection = await session.connection()
    free = (await connection.execute(FREE, {"now": now, "owner": owner, "most": limit})).all()
    return await _lease(connection, list(_within(free, most_of_one or limit)), owner=owner, now=now)


async def claim_mail(session: AsyncSession, *, owner: str, limit: int, now: datetime) -> list[Lease]:
    """Lease lanes of e-mail that may send now, whatever Slack lets us do; other workers skip them."""
    connection = await session.connection()
    statement = FREE_MAIL.with_for_update(skip_locked=True, key_share=True)
    free = (await connection.execute(statement, {"now": now, "most": limit})).all()
    return await _lease(connection, free, owner=owner, now=now)


async def has_mail(session: AsyncSession, *, now: datetime) -> bool:
    """Say whether a lane of e-mail may send now."""
    return (await session.execute(FREE_MAIL, {"now": now, "most": 1})).first() is not None


async def _lease(connection: AsyncConnection, free: Sequence[Any], *, owner: str, now: datetime) -> list[Lease]:
    leases = [
        Lease(
            lane_id=row.id,
            workspace_id=row.workspace_id,
            method=row.method,
            target=row.target,
            token=row.token + 1,
            not_before=row.not_before,
        )
        for row in free
    ]
    ids = [one.lane_id for one in leases]
    if ids:
        await connection.execute(LEASED, {"ids": ids, "new_owner": owner, "until": now + LEASE})
    return leases


def _within(free: Sequence[Row[Any]], most_of_one: int) -> Iterator[Row[Any]]:
    """Leave out the lanes of a workspace with which their owner would hold too many."""
    holds: dict[str, int] = {}
    for row in free:
        held = holds.get(row.workspace_id, row.held)
        if held < most_of_one:
            holds[row.workspace_id] = held + 1
            yield row


async def heads(session: AsyncSession, lane_ids: Sequence[str]) -> dict[str, Delivery]:
    """Give what each lane sends next, by the lane's id: the oldest that is not settled, a correction after the rest."""
    return {head.lane_id: head for head in await session.scalars(HEADS, {"ids": lane_ids})}


async def next_updates(session: AsyncSession, lane_ids: Sequence[str], *, now: datetime) -> dict[str, Delivery]:
    """Give of each lane of updates the one that is due for the longest, by the lane's id: none waits for another.

    One that tells something goes before those that only bring messages up to date, however many these are.
    """
    return {one.lane_id: one for one in await session.scalars(NEXT_UPDATES, {"ids": lane_ids, "now": now})}


async def next_time(session: AsyncSession, *, now: datetime) -> datetime | None:
    """Say when the next lane with work may be claimed; None where no lane has any."""
    row = (await session.execute(NEXT_TIMES, {"now": now})).one()
    return min((at for at in row if at is not None), default=None)


async def release(session: AsyncSession, released: Sequence[Release]) -> None:
    """Give lanes back, but for those that somebody else has claimed since; let those rest that owe nothing more."""
    if not released:
        return
    rows = [(one.lane_id, one.token, one.next_send_at, one.not_before) for one in released]
    connection = await session.connection()
    await connection.execute(GIVEN_BACK, {"rows": rows})
    await _rest(connection, [one.lane_id for one in released])


async def leased(session: AsyncSession, workspace_id: str, *, now: datetime) -> list[Lane]:
    """List a workspace's lanes that some worker has leased."""
    query = select(Lane).where(Lane.workspace_id == workspace_id, Lane.lease_until > now)
    return list(await session.scalars(query.order_by(Lane.lease_until)))


async def _rest(connection: AsyncConnection, lane_ids: Sequence[str]) -> None:
    """Let lanes rest that owe nothing.

    The rows are held first and looked at in the next statement, which sees whatever was committed before it held them.
    A lane to which somebody just owes something is held by that, and passed over.
    """
    ids = (await connection.scalars(UNHELD, {"ids": lane_ids})).all()
    await connection.execute(RESTED, {"ids": ids})


async def hold(session: AsyncSession, lane_ids: Sequence[str]) -> dict[str, int]:
    """Hold lanes until the transaction ends, and give their tokens by the lane's id."""
    connection = await session.connection()
    return {row.id: row.token for row in await connection.execute(HELD, {"ids": lane_ids})}


async def hold_with(
    session: AsyncSession, lane_ids: Sequence[str], places: Collection[Place], *, now: datetime
) -> dict[str, int]:
    """Do the same at once with the lanes of these places, which the caller may come to need."""
    others = await _find_or_make(session, set(places), now=now) if places else {}
    return await hold(session, [*lane_ids, *others.values()])


async def try_to_hold(session: AsyncSession, place: Place, *, now: datetime) -> bool:
    """Hold a lane until the transaction ends, if nobody else does; say whether that came about."""
    lane_id = await of_target(session, *place, now=now)
    free = select(Lane.id).where(Lane.id == lane_id).with_for_update(skip_locked=True, key_share=True)
    return await session.scalar(free) is not None


async def hold_those_of(session: AsyncSession, asked_by: str) -> None:
    """Hold the lanes in which a destination's deliveries wait, as whoever sends from them does first."""
    await hold_where(session, and_(Delivery.asked_by == asked_by, Delivery.state.in_(UNSENT)))


async def hold_where(session: AsyncSession, which: ColumnElement[bool]) -> None:
    """Hold the lanes of such deliveries in the same way."""
    await _hold(session, select(Lane.id).where(Lane.id.in_(select(Delivery.lane_id).where(which))))


def unsent_to(workspace_id: str, target: str) -> ColumnElement[bool]:
    """Say in SQL whether a delivery waits for a target, lane by lane: so it is found among few."""
    lanes = select(Lane.id).where(Lane.workspace_id == workspace_id)
    return and_(Delivery.lane_id.in_(lanes), is_open(), Delivery.target == target, Delivery.state.in_(UNSENT))


async def _hold(session: AsyncSession, lanes: Select[str]) -> None:
    """Hold lanes until the transaction ends, in the order in which everybody does."""
    await session.execute(lanes.order_by(*IN_TURN).with_for_update(key_share=True))


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
    await _hurry(session, workspace_id, [target], now=now)


async def hurry_all(session: AsyncSession, workspace_id: str, asked_by: str, *, now: datetime) -> bool:
    """Try at once all targets for which something of a destination or workflow waits, or of the product's own.

    Say whether anything does. Whoever changes what asks for them calls this first: it holds all their lanes at once,
    in their order.
    """
    waiting = select(Delivery.target).where(is_open(), Delivery.workspace_id == workspace_id)
    targets = (await session.scalars(waiting.where(Delivery.asked_by == asked_by).distinct())).all()
    await _hurry(session, workspace_id, targets, now=now)
    return bool(targets)


async def _hurry(session: AsyncSession, workspace_id: str, targets: Sequence[str], *, now: datetime) -> None:
    # What changes messages there waits in the lane of the workspace's updates.
    theirs = (Lane.workspace_id == workspace_id, Lane.target.in_((*targets, workspace_id)))
    await _hold(session, select(Lane.id).where(*theirs))
    is_later = or_(Lane.next_send_at > now, Lane.next_send_at.is_(None))
    await session.execute(
        update(Lane).where(*theirs, is_later).values(next_send_at=_soonest(now)), execution_options=UNSEEN
    )
    waiting = (Delivery.workspace_id == workspace_id, Delivery.target.in_(targets), Delivery.due_at > now)
    await session.execute(update(Delivery).where(*waiting, Delivery.state.in_(UNSENT)).values(due_at=now))
    wake(session, Topic.DELIVERIES)


async def follow_channel(session: AsyncSession, workspace_id: str, *, old: str, new: str, now: datetime) -> None:
    """Let what was meant for a channel's old id go to its new one: recipients, what is owed, and the lanes.

    What was posted there is found under the new id. What that has already stays as it is, and its like under the old id
    ends.
    """
    await _hold(session, select(Lane.id).where(Lane.workspace_id == workspace_id, Lane.target.in_((old, new))))
    posted = update(Delivery).where(Delivery.workspace_id == workspace_id, Delivery.message_channel == old)
    await session.execute(posted.values(message_channel=new), execution_options=UNSEEN)
    for table, column, alike in (
        (Recipient, "target", ("destination_id", "kind")),
        (Delivery, "target", ("asked_by", "fact_kind", "fact_id")),
        (Lane, "target", ("method",)),
        (Streak, "target", ("asked_by",)),
        (Channel, "channel_id", ()),
    ):
        there: Any = aliased(table)
        taken = exists().where(
            there.workspace_id == workspace_id,
            getattr(there, column) == new,
            *(getattr(there, name) == getattr(table, name) for name in alike),
        )
        moved = update(table).where(table.workspace_id == workspace_id, getattr(table, column) == old, ~taken)
        await session.execute(moved.values({column: new}), execution_options=UNSEEN)
    await session.execute(delete(Recipient).where(Recipient.workspace_id == workspace_id, Recipient.target == old))
    await session.execute(delete(Channel).where(Channel.workspace_id == workspace_id, Channel.channel_id == old))
    doubled = (Delivery.workspace_id == workspace_id, Delivery.target == old, Delivery.state.in_(UNSENT))
    skipped = {"state": DeliveryState.SKIPPED, "reason": SkipReason.DELETED, "fix": None, "settled_at": now}
    await session.execute(update(Delivery).where(*doubled).values(skipped))
