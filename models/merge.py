"""A merge: movements that piled up in a lane are told in one message, so that a flood is seen while it is news.

The oldest of them, the head of its lane, tells the others too; these become `coalesced` into it and share its fate.
Nothing is dropped: each row says which message it went into. What a head tells changes only while it is certain that
it was not posted; money is in minor units and never summed across currencies. Corrections that piled up go together in
the same way, and apart from movements.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models.account import Account
from models.base import IDS, UNSEEN, among
from models.currency import place
from models.delivery import UNSENT, Delivery, DeliveryState, FactKind, is_open
from models.fact import MovementKind
from models.lane import Lane
from models.movement import Movement
from models.recap import MOST_ACCOUNTS, Figures, Sum
from models.subscription import Restatement
from models.workspace import Workspace

SINGLY = 20
"""As many movements of one destination may wait for a channel; of more, which would take longer, one message tells."""

_UNTRIED = (is_open(), Delivery.state == DeliveryState.PENDING, Delivery.attempts == 0)
"""Whether a delivery may go into another: nobody has tried to send it yet, or others may have gone into it."""
_TOGETHER = {
    FactKind.MOVEMENT: (FactKind.MOVEMENT, FactKind.THREAD),
    FactKind.CORRECTION: (FactKind.CORRECTION,),
}
"""What piles up, and what goes with it: with movements the cards above them, which nothing would stand under."""
_KIND_OF_PILE: dict[str, str] = {kind: pile for pile, kinds in _TOGETHER.items() for kind in kinds}


# These statements are put together once: that takes longer than to run them.
LONG = select(Lane.id).where(
    among(Lane.id, IDS),
    select(func.count()).where(Delivery.lane_id == Lane.id, is_open()).scalar_subquery() > SINGLY,
)
"""Lanes so long that something may have piled up there. Few are, and an index alone knows which."""
PILES = (
    select(Delivery.lane_id, Delivery.asked_by, Delivery.fact_kind)
    .where(among(Delivery.lane_id, IDS), *_UNTRIED, Delivery.fact_kind.in_(tuple(_TOGETHER)))
    .group_by(Delivery.lane_id, Delivery.asked_by, Delivery.fact_kind)
    .having(func.count() > SINGLY)
)
_told = aliased(Delivery)
CARRIERS = select(Delivery.id).where(
    among(Delivery.id, IDS),
    exists().where(_told.workspace_id == Delivery.workspace_id, _told.coalesced_into == Delivery.id),
)


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What one message tells of many movements: how many, between when, and what they come to in each currency.

    Of one that is posted also how many are no more since, and when it was corrected last.
    """

    count: int
    first_at: datetime | None = None
    last_at: datetime | None = None
    figures: tuple[Figures, ...] = ()
    taken_back: int = 0
    corrected_at: datetime | None = None


async def merge(session: AsyncSession, heads: Sequence[Delivery], *, now: datetime) -> dict[str, Delivery]:
    """Merge into the heads of lanes what has piled up behind them.

    A card that is not posted yet goes with it, and its lane has another head then, given by the card's id.
    """
    ready = {(head.lane_id, head.asked_by, _KIND_OF_PILE[head.fact_kind]): head for head in heads if _may_carry(head)}
    if not ready:
        return {}
    connection = await session.connection()
    lanes = (await connection.scalars(LONG, {"ids": {lane_id for lane_id, _, _ in ready}})).all()
    if not lanes:
        return {}
    instead = {}
    for lane_id, asked_by, kind in (await connection.execute(PILES, {"ids": lanes})).all():
        head = ready.get((lane_id, asked_by, kind))
        if head is None or await _is_awaited(session, head):
            continue
        carrier = head if head.fact_kind == kind else await _first_movement(session, head)
        alike = Delivery.fact_kind.in_(_TOGETHER[FactKind(kind)])
        pile = (Delivery.lane_id == lane_id, Delivery.asked_by == asked_by, Delivery.id != carrier.id, *_UNTRIED)
        values = {"state": DeliveryState.COALESCED, "coalesced_into": carrier.id, "settled_at": now}
        await session.execute(update(Delivery).where(*pile, alike).values(values), execution_options=UNSEEN)
        if carrier is not head:
            instead[head.id] = carrier
    return instead


def _may_carry(head: Delivery) -> bool:
    is_certain = head.state in UNSENT and not head.may_be_repeat
    if head.fact_kind == FactKind.THREAD:
        return is_certain and head.attempts == 0
    return is_certain and head.fact_kind in _TOGETHER and head.edits is None


async def _first_movement(session: AsyncSession, card: Delivery) -> Delivery:
    """Give the oldest of the movements that piled up behind a card."""
    theirs = (Delivery.lane_id == card.lane_id, Delivery.asked_by == card.asked_by, *_UNTRIED)
    query = select(Delivery).where(*theirs, Delivery.fact_kind == FactKind.MOVEMENT).order_by(Delivery.id).limit(1)
    return (await session.scalars(query)).one()


async def _is_awaited(session: AsyncSession, head: Delivery) -> bool:
    """Say whether the card of a movement's account stands with nothing under it: then this one is told there."""
    if head.fact_kind != FactKind.MOVEMENT or not head.is_kept_together:
        return False
    card, moved, reply, told = aliased(Delivery), aliased(Movement), aliased(Delivery), aliased(Movement)
    has_reply = (
        exists()
        .where(told.account_id == moved.account_id, reply.fact_id == told.id, reply.fact_kind == FactKind.MOVEMENT)
        .where(reply.asked_by == head.asked_by, reply.target == head.target)
        .where(reply.replies_to == card.id, reply.state == DeliveryState.DELIVERED)
    )
    stands = (card.state == DeliveryState.DELIVERED, card.message_ts.is_not(None), card.message_end.is_(None))
    query = (
        select(card.id)
        .join(moved, moved.account_id == card.fact_id)
        .where(moved.id == head.fact_id, card.asked_by == head.asked_by, card.fact_kind == FactKind.THREAD)
        .where(card.target == head.target, *stands, ~has_reply)
    )
    return await session.scalar(query) is not None


async def merged(session: AsyncSession, owed: Sequence[Delivery]) -> dict[str, Merged]:
    """Sum up what those of these deliveries tell that tell of many movements, by the delivery's id."""
    return {one.id: await _sum_up(session, one) for one in await _carriers(session, owed)}


async def _carriers(session: AsyncSession, owed: Sequence[Delivery]) -> list[Delivery]:
    connection = await session.connection()
    carriers = set(await connection.scalars(CARRIERS, {"ids": {one.id for one in owed}}))
    return [one for one in owed if one.id in carriers]


async def _sum_up(session: AsyncSession, carrier: Delivery) -> Merged:
    amount, occurred_at = func.sum(Movement.amount_minor), Movement.occurred_at
    query = select(Movement.currency, Movement.kind, func.count(), amount, func.min(occurred_at), func.max(occurred_at))
    rows = (await session.execute(_told_by(query, carrier).group_by(Movement.currency, Movement.kind))).all()
    sums: dict[str, dict[MovementKind, Sum]] = {}
    for currency, kind, count, amount_minor, _, _ in rows:
        sums.setdefault(currency, {})[MovementKind(kind)] = Sum(amount_minor=int(amount_minor), count=count)
    found = [await _figures(session, carrier, currency, kinds) for currency, kinds in sorted(sums.items())]
    base = (await session.get_one(Workspace, carrier.workspace_id)).base_currency
    is_posted = carrier.state == DeliveryState.DELIVERED
    return Merged(
        count=sum(one.count for one in found),
        first_at=min((row[4] for row in rows), default=None),
        last_at=max((row[5] for row in rows), default=None),
        figures=tuple(sorted(found, key=lambda one: place(one.currency, one.count, base=base))),
        taken_back=await _count_taken_back(session, carrier) if is_posted else 0,
        corrected_at=await _last_restated(session, carrier) if is_posted else None,
    )


async def _count_taken_back(session: AsyncSession, carrier: Delivery) -> int:
    """Count the movements that a posted message told and that are no more."""
    told = (_goes_out_with(carrier), Delivery.fact_kind == FactKind.MOVEMENT)
    is_there = exists().where(Movement.id == Delivery.fact_id)
    was_gone = exists().where(
        Restatement.movement_id == Delivery.fact_id,
        Restatement.kind.is_(None),
        Restatement.restated_at < carrier.send_started_at,
    )
    return await session.scalar(select(func.count()).select_from(Delivery).where(*told, ~is_there, ~was_gone)) or 0


async def _last_restated(session: AsyncSession, carrier: Delivery) -> datetime | None:
    """Say when something that a message told was corrected last, since it was posted."""
    query = select(func.max(Restatement.restated_at)).join(Delivery, Delivery.fact_id == Restatement.movement_id)
    since = Restatement.restated_at >= carrier.send_started_at
    found: datetime | None = await session.scalar(query.where(_goes_out_with(carrier), since))
    return found


def _told_by(query: Any, carrier: Delivery) -> Any:
    """Narrow a query on movements down to those that a delivery tells: its own, and what was merged into it."""
    return query.join(Delivery, Delivery.fact_id == Movement.id).where(_goes_out_with(carrier))


def _goes_out_with(carrier: Delivery) -> ColumnElement[bool]:
    into = and_(Delivery.workspace_id == carrier.workspace_id, Delivery.coalesced_into == carrier.id)
    return or_(Delivery.id == carrier.id, into)


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


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """What one message tells of many corrections: how many movements are other than they were told, and how.

    By currency what that changes, and the accounts for which it changes most; in minor units.
    """

    count: int
    taken_back: int
    of_another_kind: int
    """Those that come to the same amount, under another name."""
    nets: tuple[tuple[str, int], ...]
    largest: tuple[tuple[str, str, int], ...]
    """An account's name, the currency, and the change."""
    more: int
    """How many accounts change beside these."""
    first_at: datetime
    last_at: datetime
    corrected_at: datetime


async def corrections(session: AsyncSession, owed: Sequence[Delivery]) -> dict[str, Corrections | None]:
    """Sum up what those of these deliveries correct that tell of many corrections, by the delivery's id.

    None where what was told is right after all, or never arrived.
    """
    return {one.id: _sum_up_corrected(await _restated(session, one)) for one in await _carriers(session, owed)}


async def _restated(session: AsyncSession, carrier: Delivery) -> list[tuple[Restatement, str]]:
    """List in their order the restatements of movements that were told, each with the account's name."""
    told = aliased(Delivery)
    query = (
        select(Restatement, func.coalesce(func.nullif(Account.name, ""), Account.external_id))
        .join(Delivery, Delivery.fact_id == Restatement.id)
        .join(told, told.id == Delivery.replies_to)
        .join(Account, Account.id == Restatement.account_id)
        .where(_goes_out_with(carrier), told.state == DeliveryState.DELIVERED)
    )
    rows = await session.execute(query.order_by(Restatement.restated_at, Restatement.id))
    return [(row[0], row[1]) for row in rows]


def _sum_up_corrected(restated: Sequence[tuple[Restatement, str]]) -> Corrections | None:
    """Compare what each movement was at first with what it is at last."""
    first: dict[str, Restatement] = {}
    for one, _ in restated:
        first.setdefault(one.movement_id, one)
    last = {one.movement_id: one for one, _ in restated}
    changed = [(first[key], now) for key, now in last.items() if _is_other(first[key], now)]
    if not changed:
        return None
    nets, by_account = Counter[str](), Counter[tuple[str, str]]()
    for was, now in changed:
        change = (now.amount_minor or 0) - was.amount_before_minor
        nets[now.currency] += change
        by_account[now.account_id, now.currency] += change
    names = {one.account_id: name for one, name in restated}
    moved = sorted(((key, change) for key, change in by_account.items() if change), key=lambda one: -abs(one[1]))
    return Corrections(
        count=len(changed),
        taken_back=sum(now.kind is None for _, now in changed),
        of_another_kind=sum(now.amount_minor == was.amount_before_minor for was, now in changed),
        nets=tuple(sorted(nets.items())),
        largest=tuple((names[of], currency, change) for (of, currency), change in moved[:MOST_ACCOUNTS]),
        more=len(moved[MOST_ACCOUNTS:]),
        first_at=min(now.occurred_at for _, now in changed),
        last_at=max(now.occurred_at for _, now in changed),
        corrected_at=max(now.restated_at for _, now in changed),
    )


def _is_other(was: Restatement, now: Restatement) -> bool:
    return (was.kind_before, was.amount_before_minor) != (now.kind, now.amount_minor)
