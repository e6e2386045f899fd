"""The ledger as people read it: what became of today's messages, what stands in the way, and one message's story."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, channel, claim, event, glance, lane, movement, reach, recap, signal, source, subscription
from models.account import Account
from models.base import among
from models.channel import OUTSIDERS, Channel, Hindrance
from models.delivery import (
    CARRIER,
    COUNTS_AS,
    OPEN,
    TELLS,
    Delivery,
    DeliveryState,
    FactKind,
    SkipReason,
    counted,
    is_message,
)
from models.destination import Destination
from models.fact import MovementKind, SignalKind
from models.lane import Lane
from models.recipient import RecipientKind
from models.schedule import Period, Rhythm
from models.workflow import Workflow

_SENT = (DeliveryState.DELIVERED, DeliveryState.SENDING, DeliveryState.AMBIGUOUS)
"""What was drawn, and stands in Slack, or may."""

RECENT = timedelta(days=7)
"""How far back the newest failures are looked for."""

# Written out, so that SQLite knows the partial indexes.
_IS_OPEN = Delivery.state.in_([literal_column(f"'{state}'") for state in OPEN])
_IS_DELIVERED = Delivery.state == literal_column(f"'{DeliveryState.DELIVERED}'")

Counts = Mapping[tuple[DeliveryState, SkipReason | None], int]
"""How many deliveries are in a state, those that were skipped told apart by their reason; without zeros."""


def _is_open(workspace_id: str) -> ColumnElement[bool]:
    """Say in SQL whether a delivery of a workspace is open, lane by lane: so it is found among few."""
    lanes = select(Lane.id).where(Lane.workspace_id == workspace_id)
    return and_(Delivery.lane_id.in_(lanes), _IS_OPEN)


async def oldest_open(session: AsyncSession, workspace_id: str, *, now: datetime) -> datetime | None:
    """Say since when the oldest unsettled message waits, but for those that are to wait, such as for quiet hours."""
    is_to_wait = and_(Delivery.state == DeliveryState.PENDING, Delivery.due_at > now)
    oldest = select(func.min(Delivery.created_at)).where(_is_open(workspace_id), is_message(), ~is_to_wait)
    found: datetime | None = await session.scalar(oldest)
    return found


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a destination fares: when it last delivered, and how many wait. What stands in the way, `failing` says."""

    last_delivered_at: datetime | None = None
    waiting: int = 0


async def health(session: AsyncSession, workspace_id: str, asked_by: Collection[str]) -> dict[str, Health]:
    """Give by its id the health of each of these that has delivered anything, or that something waits for."""
    last = (
        select(func.max(Delivery.settled_at))
        .where(Delivery.asked_by == Destination.id, _IS_DELIVERED)
        .correlate(Destination)
        .scalar_subquery()
    )
    theirs = (Destination.workspace_id == workspace_id, among(Destination.id, asked_by))
    rows = await session.execute(select(Destination.id, last).where(*theirs))
    found = {row[0]: Health(last_delivered_at=row[1]) for row in rows if row[1] is not None}
    waiting = (
        select(Delivery.asked_by, func.sum(TELLS))
        .where(_is_open(workspace_id), among(Delivery.asked_by, asked_by))
        .group_by(Delivery.asked_by)
    )
    for asking, number in await session.execute(waiting):
        found[asking] = replace(found.get(asking, Health()), waiting=int(number))
    return found


async def count_since(session: AsyncSession, workspace_id: str, *, since: datetime) -> Counts:
    """Count what was settled since an instant, and all that is open, however old it is; of messages alone.

    What was merged into another message counts under that one's state.
    """
    reason = case((COUNTS_AS == DeliveryState.SKIPPED, func.coalesce(CARRIER.reason, Delivery.reason)))
    query = counted(COUNTS_AS, reason, func.count()).group_by(COUNTS_AS, reason)
    query = query.where(is_message())
    settled = (Delivery.workspace_id == workspace_id, Delivery.settled_at >= since)
    counts: Counter[tuple[DeliveryState, SkipReason | None]] = Counter()
    # Asked one after the other, each finds its index.
    for part in (query.where(*settled), query.where(_is_open(workspace_id))):
        for found, why, number in await session.execute(part):
            counts[DeliveryState(found), SkipReason(why) if why else None] += number
    return counts


@dataclass(frozen=True, kw_only=True)
class Failing:
    """A target to which nothing gets through: why, the fix, how many wait, and who asks for them by their ids."""

    target: str
    recipient_kind: RecipientKind
    reason: str
    fix: str
    waiting: int
    asked_by: tuple[str, ...]


async def failing(session: AsyncSession, workspace_id: str, *, now: datetime) -> list[Failing]:
    """List the targets to which nothing gets through, the one for which most waits first.

    The reason is what we know of a channel, though nothing was tried yet; or else what the newest attempt met, whoever
    asked for that. For a preview under a link nobody waits, nor for an edit.
    """
    lots = await _waiting(session, workspace_id)
    met = {target: one for target, rows in lots.items() if (one := _hindrance_met(rows))}
    closed = await channel.closed(session, workspace_id)
    doubtful = {*met, *closed}
    told = await reach.destinations(session, workspace_id, doubtful, now=now)
    others = await reach.others(session, workspace_id, [key for key, one in closed.items() if one.hindrance])
    found = []
    for target in sorted(doubtful):
        rows, destinations = lots.get(target, []), told.get(target, set())
        because = _known(closed.get(target), tells_mrr=bool(destinations)) or met.get(target)
        asked_by = {row.asked_by for row in rows} | destinations | others.get(target, set())
        if because is not None and asked_by:
            found.append(_failing(target, because, rows, asked_by))
    return sorted(found, key=lambda one: -one.waiting)


async def _waiting(session: AsyncSession, workspace_id: str) -> dict[str, list[Any]]:
    """Count by the target what waits there for whom and why, the longest untried first."""
    by = (Delivery.target, Delivery.recipient_kind, Delivery.asked_by, Delivery.reason, Delivery.fix)
    query = (
        select(*by, func.sum(TELLS).label("waiting"))
        .where(_is_open(workspace_id), Delivery.fact_kind.not_in((FactKind.UNFURL, FactKind.EDIT)))
        .group_by(*by)
        .order_by(func.max(Delivery.send_started_at).nulls_first(), *by)
    )
    lots: dict[str, list[Any]] = {}
    for row in (await session.execute(query)).all():
        lots.setdefault(row.target, []).append(row)
    return lots


def _hindrance_met(rows: Sequence[Any]) -> Hindrance | None:
    """Say what the newest attempt met; None where nothing stands in the way."""
    hindered = [Hindrance(row.reason, row.fix) for row in rows if row.reason and row.fix]
    return hindered[-1] if hindered else None


def _known(place: Channel | None, *, tells_mrr: bool) -> Hindrance | None:
    """Say what is known to stand in the way in a channel; other companies that read along do so for MRR alone."""
    if place is None:
        return None
    return place.hindrance or (OUTSIDERS if place.needs_confirmation and tells_mrr else None)


def _failing(target: str, because: Hindrance, rows: Sequence[Any], asked_by: Collection[str]) -> Failing:
    return Failing(
        target=target,
        recipient_kind=RecipientKind(rows[-1].recipient_kind if rows else RecipientKind.CHANNEL),
        reason=because.reason,
        fix=because.fix,
        waiting=sum(int(row.waiting) for row in rows),
        asked_by=tuple(sorted(asked_by)),
    )


async def is_under_way(session: AsyncSession, workspace_id: str, target: str, *, now: datetime) -> bool:
    """Say whether something that was hurried is still to be tried, or being sent."""
    hurried = and_(Delivery.state == DeliveryState.RETRYING, Delivery.due_at <= now)
    query = select(Delivery.id).where(
        _is_open(workspace_id),
        Delivery.target == target,
        or_(Delivery.state == DeliveryState.SENDING, hurried),
    )
    return await session.scalar(query.limit(1)) is not None


async def newest_failures(
    session: AsyncSession, workspace_id: str, *, asked_by: str | None = None, limit: int, now: datetime
) -> list[Delivery]:
    """List what failed within the last week, the newest first: all, or what a destination or workflow asked for."""
    query = select(Delivery).where(
        Delivery.workspace_id == workspace_id,
        Delivery.state == DeliveryState.FAILED,
        Delivery.settled_at > now - RECENT,
    )
    if asked_by is not None:
        query = query.where(Delivery.asked_by == asked_by)
    return list(await session.scalars(query.order_by(Delivery.settled_at.desc(), Delivery.id.desc()).limit(limit)))


async def of_message(session: AsyncSession, workspace_id: str, channel_id: str, ts: str) -> Delivery | None:
    """Find the delivery that became a message."""
    query = select(Delivery).where(
        Delivery.workspace_id == workspace_id, Delivery.message_channel == channel_id, Delivery.message_ts == ts
    )
    # What edited the message later stands there too.
    found: Delivery | None = await session.scalar(query.order_by(Delivery.id).limit(1))
    return found


async def of_movements(
    session: AsyncSession,
    workspace_id: str,
    movement_ids: Collection[str],
    *,
    asked_by: Collection[str],
    target: str,
    limit: int,
) -> list[Delivery]:
    """List the newest deliveries that tell of some movements at one target, for any of these destinations."""
    query = select(Delivery).where(
        Delivery.workspace_id == workspace_id,
        among(Delivery.asked_by, asked_by),
        Delivery.fact_kind == FactKind.MOVEMENT,
        among(Delivery.fact_id, movement_ids),
        Delivery.target == target,
    )
    return list(await session.scalars(query.order_by(Delivery.id.desc()).limit(limit)))


@dataclass(frozen=True, kw_only=True)
class Telling:
    """That a destination told somebody of a movement, and the delivery that became the message, perhaps of many."""

    movement_id: str
    delivery_id: str
    wanting: Destination
    recipient: tuple[str, str]


async def tellings(
    session: AsyncSession, workspace_id: str, movement_ids: Collection[str], *, since: datetime
) -> list[Telling]:
    """List where some movements have been told since an instant, or are being so. It holds the lanes of these messages.

    Whoever sends from a lane holds it when it draws; so that what isn't sent by now is drawn after this transaction.
    """
    query = (
        select(Delivery, Destination)
        .join(Destination, Destination.id == Delivery.asked_by)
        .where(Destination.workspace_id == workspace_id, Destination.deleted_at.is_(None))
        .where(Delivery.fact_kind == FactKind.MOVEMENT, among(Delivery.fact_id, movement_ids))
        .where(Delivery.workspace_id == workspace_id, Delivery.created_at >= since)
        .order_by(Delivery.id)
    )
    owed = (await session.execute(query)).all() if movement_ids else []
    if not owed:
        return []
    await lane.hold(session, [row[0].lane_id for row in owed])
    ids = {row[0].coalesced_into or row[0].id for row in owed}
    carriers = await session.scalars(
        select(Delivery).where(among(Delivery.id, ids), Delivery.workspace_id == workspace_id),
        execution_options={"populate_existing": True},
    )
    sent = {one.id for one in carriers if one.state in _SENT}
    return [
        Telling(
            movement_id=one.fact_id,
            delivery_id=one.coalesced_into or one.id,
            wanting=wanting,
            recipient=(one.recipient_kind, one.target),
        )
        for one, wanting in owed
        if (one.coalesced_into or one.id) in sent
    ]


async def count_merged(session: AsyncSession, workspace_id: str, delivery_id: str) -> int:
    """Count the deliveries that were merged into one."""
    theirs = (Delivery.coalesced_into == delivery_id, Delivery.workspace_id == workspace_id)
    return int(await session.scalar(select(func.count()).where(*theirs)) or 0)


class AskerKind(StrEnum):
    """What can ask for messages."""

    DESTINATION = "destination"
    WORKFLOW = "workflow"


@dataclass(frozen=True, kw_only=True)
class Asker:
    """A destination or a workflow, as a message's reader may know it. `hears` is a frequency, or an event's name."""

    kind: AskerKind
    id: str
    name: str
    hears: str
    created_by: str
    created_at: datetime
    is_deleted: bool
    is_personal: bool = False
    """Whether it is somebody's own recap, which nobody else changes."""


async def askers(session: AsyncSession, workspace_id: str, asked_by: Collection[str]) -> dict[str, Asker]:
    """Give the destinations and workflows among these ids, deleted ones too. What the product says itself has none."""
    if not asked_by:
        return {}
    told, wished = among(Destination.id, asked_by), among(Workflow.id, asked_by)
    destinations = await session.scalars(select(Destination).where(Destination.workspace_id == workspace_id, told))
    workflows = await session.scalars(select(Workflow).where(Workflow.workspace_id == workspace_id, wished))
    found = [
        *(_asker(AskerKind.DESTINATION, one, one.frequency) for one in destinations),
        *(_asker(AskerKind.WORKFLOW, one, one.event) for one in workflows),
    ]
    return {one.id: one for one in found}


def _asker(kind: AskerKind, row: Destination | Workflow, hears: str) -> Asker:
    return Asker(
        kind=kind,
        id=row.id,
        name=row.name,
        hears=hears,
        created_by=row.created_by,
        created_at=row.created_at,
        is_deleted=row.deleted_at is not None,
        is_personal=isinstance(row, Destination) and row.personal_to is not None,
    )


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a delivery tells, as far as it is known still: of whom or what, when that was, and who said so.

    Money is in minor units.
    """

    kind: FactKind
    about: str | None = None
    person: str | None = None
    detail: MovementKind | SignalKind | Rhythm | None = None
    at: datetime | None = None
    source_name: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    period: Period | None = None


async def told(session: AsyncSession, delivery: Delivery) -> Told:
    """Say what a delivery tells; of a fact that is gone, only its kind is known."""
    kind = FactKind(delivery.fact_kind)
    teller = _TELLERS.get(kind)
    return (await teller(session, delivery) if teller is not None else None) or Told(kind=kind)


async def account_of(session: AsyncSession, delivery: Delivery) -> Account | None:
    """Find the account that a delivery tells of; None where it is gone, or the delivery is about none."""
    match delivery.fact_kind:
        case FactKind.MOVEMENT:
            found = await movement.get(session, delivery.workspace_id, delivery.fact_id)
            if found is None:
                return await subscription.account_of_gone(session, delivery.workspace_id, delivery.fact_id)
            return found[1]
        case FactKind.THREAD:
            return await account.get(session, delivery.workspace_id, delivery.fact_id)
        case FactKind.SIGNAL:
            heard = await signal.get(session, delivery.workspace_id, delivery.fact_id)
            return heard[1] if heard is not None else None
        case FactKind.CORRECTION:
            restated = await subscription.restatements(session, [delivery.fact_id])
            one = restated.get((delivery.workspace_id, delivery.fact_id))
            return await account.get(session, delivery.workspace_id, one.account_id) if one is not None else None
        case _:
            return None


async def _told_movement(session: AsyncSession, delivery: Delivery) -> Told | None:
    found = await movement.get(session, delivery.workspace_id, delivery.fact_id)
    if found is None:
        about = await account_of(session, delivery)
        return Told(kind=FactKind.MOVEMENT, about=about.display_name) if about is not None else None
    moved, account = found
    return Told(
        kind=FactKind.MOVEMENT,
        about=account.display_name,
        detail=MovementKind(moved.kind),
        at=moved.occurred_at,
        source_name=await _source_name(session, delivery.workspace_id, moved.source_id),
        amount_minor=moved.amount_minor,
        currency=moved.currency,
    )


async def _told_recap(session: AsyncSession, delivery: Delivery) -> Told | None:
    found = await recap.get(session, delivery.workspace_id, delivery.fact_id)
    if found is None:
        return None
    period = Period(found.first, found.end)
    return Told(kind=FactKind.RECAP, detail=Rhythm(found.frequency), at=found.due_at, period=period)


async def _told_track(session: AsyncSession, delivery: Delivery) -> Told | None:
    found = await event.get(session, delivery.workspace_id, int(delivery.fact_id))
    if found is None:
        return None
    names = [one["event"] for one in found.facts if one.get("type") == "track"]
    return Told(
        kind=FactKind.TRACK,
        about=next(iter(names), None),
        at=found.occurred_at,
        source_name=await _source_name(session, delivery.workspace_id, found.source_id),
    )


async def _told_signal(session: AsyncSession, delivery: Delivery) -> Told | None:
    found = await signal.get(session, delivery.workspace_id, delivery.fact_id)
    if found is None:
        return None
    heard, account = found
    return Told(
        kind=FactKind(delivery.fact_kind),
        about=account.display_name,
        person=heard.person,
        detail=SignalKind(heard.kind),
        at=heard.occurred_at,
        source_name=await _source_name(session, delivery.workspace_id, heard.source_id),
    )


async def _told_correction(session: AsyncSession, delivery: Delivery) -> Told | None:
    about = await account_of(session, delivery)
    if about is None:
        return None
    return Told(kind=FactKind.CORRECTION, about=about.display_name, at=delivery.created_at)


async def _told_claim(session: AsyncSession, delivery: Delivery) -> Told | None:
    found = await claim.get(session, delivery.workspace_id, delivery.fact_id)
    if found is None:
        return None
    return Told(kind=FactKind(delivery.fact_kind), about=await claim.about(session, found), at=delivery.created_at)


async def _told_account(session: AsyncSession, delivery: Delivery) -> Told | None:
    found = await account.get(session, delivery.workspace_id, delivery.fact_id.partition("#")[0])
    return Told(kind=FactKind.ACCOUNT, about=found.display_name, at=delivery.created_at) if found is not None else None


async def _told_thread(session: AsyncSession, delivery: Delivery) -> Told | None:
    found = await account_of(session, delivery)
    return Told(kind=FactKind.THREAD, about=found.display_name) if found is not None else None


async def _told_glance(_session: AsyncSession, delivery: Delivery) -> Told | None:
    try:
        asked = glance.of_fact(delivery.fact_id)
    except ValueError:
        return None
    return Told(kind=FactKind.GLANCE, detail=asked.rhythm, period=asked.period, at=delivery.created_at)


async def _source_name(session: AsyncSession, workspace_id: str, source_id: str) -> str | None:
    return (await source.names(session, workspace_id)).get(source_id)


_TELLERS: Mapping[FactKind, Callable[[AsyncSession, Delivery], Awaitable[Told | None]]] = {
    FactKind.MOVEMENT: _told_movement,
    FactKind.RECAP: _told_recap,
    FactKind.TRACK: _told_track,
    FactKind.SIGNAL: _told_signal,
    FactKind.UNHEARD: _told_signal,
    FactKind.CORRECTION: _told_correction,
    FactKind.CLAIM: _told_claim,
    FactKind.RELEASE: _told_claim,
    FactKind.ACCOUNT: _told_account,
    FactKind.GLANCE: _told_glance,
    FactKind.THREAD: _told_thread,
}
"""Who knows what a kind of delivery tells; of the others the kind says all."""
