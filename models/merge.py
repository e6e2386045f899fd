"""A merge: movements that piled up in a lane are told in one message, so that a flood is seen while it is news.

The oldest of them, the head of its lane, tells the others too; these become `coalesced` into it and share its fate.
Nothing is dropped: each row says which message it went into. What a head tells changes only while it is certain that
it was not posted; money is in minor units and never summed across currencies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import movement
from models.account import Account
from models.base import IDS, UNSEEN, among
from models.delivery import UNSENT, Delivery, DeliveryState, FactKind, is_open
from models.fact import MovementKind
from models.lane import Lane
from models.movement import Movement
from models.recap import MOST_ACCOUNTS, Figures, Sum

SINGLY = 20
"""As many movements of one destination may wait for a channel; of more, which would take longer, one message tells."""


_UNTRIED = (is_open(), Delivery.state == DeliveryState.PENDING, Delivery.attempts == 0)
_WAITS = (*_UNTRIED, Delivery.fact_kind == FactKind.MOVEMENT)
"""Whether a delivery may go into another: nobody has tried to send it yet, or others may have gone into it."""
_GOES_WITH_IT = (*_UNTRIED, Delivery.fact_kind.in_((FactKind.MOVEMENT, FactKind.THREAD)))
"""Movements, and the cards above them, which nothing would stand under."""


# These statements are put together once: that takes longer than to run them.
LONG = select(Lane.id).where(
    among(Lane.id, IDS),
    select(func.count()).where(Delivery.lane_id == Lane.id, is_open()).scalar_subquery() > SINGLY,
)
"""Lanes so long that something may have piled up there. Few are, and an index alone knows which."""
PILES = (
    select(Delivery.lane_id, Delivery.asked_by)
    .where(among(Delivery.lane_id, IDS), *_WAITS)
    .group_by(Delivery.lane_id, Delivery.asked_by)
    .having(func.count() > SINGLY)
)
_told = aliased(Delivery)
CARRIERS = select(Delivery.id).where(
    among(Delivery.id, IDS),
    exists().where(_told.workspace_id == Delivery.workspace_id, _told.coalesced_into == Delivery.id),
)


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What one message tells of many movements: how many, between when, and what they come to in each currency."""

    count: int
    first_at: datetime
    last_at: datetime
    figures: tuple[Figures, ...]


async def merge(session: AsyncSession, heads: Sequence[Delivery], *, now: datetime) -> None:
    """Merge into the heads of lanes what has piled up behind them."""
    ready = {(head.lane_id, head.asked_by): head for head in heads if _may_carry(head)}
    if not ready:
        return
    connection = await session.connection()
    lanes = (await connection.scalars(LONG, {"ids": {lane_id for lane_id, _ in ready}})).all()
    if not lanes:
        return
    for lane_id, asked_by in (await connection.execute(PILES, {"ids": lanes})).all():
        head = ready.get((lane_id, asked_by))
        if head is not None:
            pile = (Delivery.lane_id == lane_id, Delivery.asked_by == asked_by, Delivery.id != head.id, *_GOES_WITH_IT)
            values = {"state": DeliveryState.COALESCED, "coalesced_into": head.id, "settled_at": now}
            statement = update(Delivery).where(*pile).values(values)
            await session.execute(statement, execution_options=UNSEEN)


def _may_carry(head: Delivery) -> bool:
    is_certain = head.state in UNSENT and not head.may_be_repeat
    return is_certain and head.fact_kind == FactKind.MOVEMENT and head.edits is None


async def let_go(session: AsyncSession, carrier: Delivery, *, now: datetime) -> None:
    """Let what was merged into a message that is not sent go on by itself, where its own movement is no more."""
    if carrier.fact_kind != FactKind.MOVEMENT:
        return
    if await movement.get(session, carrier.workspace_id, carrier.fact_id) is not None:
        return
    theirs = (Delivery.workspace_id == carrier.workspace_id, Delivery.coalesced_into == carrier.id)
    values = {"state": DeliveryState.PENDING, "coalesced_into": None, "settled_at": None, "due_at": now}
    await session.execute(update(Delivery).where(*theirs).values(values), execution_options=UNSEEN)


async def merged(session: AsyncSession, owed: Sequence[Delivery]) -> dict[str, Merged]:
    """Sum up what those of these deliveries tell that tell of many movements, by the delivery's id."""
    connection = await session.connection()
    carriers = set(await connection.scalars(CARRIERS, {"ids": {one.id for one in owed}}))
    return {one.id: await _sum_up(session, one) for one in owed if one.id in carriers}


async def _sum_up(session: AsyncSession, carrier: Delivery) -> Merged:
    amount, occurred_at = func.sum(Movement.amount_minor), Movement.occurred_at
    query = select(Movement.currency, Movement.kind, func.count(), amount, func.min(occurred_at), func.max(occurred_at))
    rows = (await session.execute(_told_by(query, carrier).group_by(Movement.currency, Movement.kind))).all()
    sums: dict[str, dict[MovementKind, Sum]] = {}
    for currency, kind, count, amount_minor, _, _ in rows:
        sums.setdefault(currency, {})[MovementKind(kind)] = Sum(amount_minor=int(amount_minor), count=count)
    found = [await _figures(session, carrier, currency, kinds) for currency, kinds in sorted(sums.items())]
    return Merged(
        count=sum(one.count for one in found),
        first_at=min(row[4] for row in rows),
        last_at=max(row[5] for row in rows),
        figures=tuple(sorted(found, key=lambda one: -one.count)),
    )


def _told_by(query: Any, carrier: Delivery) -> Any:
    """Narrow a query on movements down to those that a delivery tells: its own, and what was merged into it."""
    into = and_(Delivery.workspace_id == carrier.workspace_id, Delivery.coalesced_into == carrier.id)
    return query.join(Delivery, Delivery.fact_id == Movement.id).where(or_(Delivery.id == carrier.id, into))


async def _figures(session: AsyncSession, carrier: Delivery, currency: str, kinds: dict[MovementKind, Sum]) -> Figures:
    change = func.sum(Movement.amount_minor)
    return Figures(
        currency=currency,
        start_minor=None,
        sums=kinds,
        gains=await _largest(session, carrier, currency, change > 0, change.desc()),
        losses=await _largest(session, carrier, currency, change < 0, change),
    )


async def _largest(
    session: AsyncSession, carrier: Delivery, currency: str, which: ColumnElement[bool], order: ColumnElement[Any]
) -> tuple[tuple[str, int], ...]:
    """Give the accounts that moved most, all their movements taken together."""
    query = select(Account.name, Account.external_id, func.sum(Movement.amount_minor))
    told = _told_by(query.join(Movement, Movement.account_id == Account.id), carrier)
    theirs = told.where(Movement.currency == currency).group_by(Account.id, Account.name, Account.external_id)
    rows = await session.execute(theirs.having(which).order_by(order, Account.external_id).limit(MOST_ACCOUNTS))
    return tuple((name or external_id, int(amount)) for name, external_id, amount in rows)
