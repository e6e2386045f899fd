"""The balance: the sums of the whole installation, whatever the workspace, and the two equations that always hold.

`received = applied + duplicate + refused + waiting` for events, and `owed = delivered + skipped + failed + open` for
deliveries, where a merged row counts under the state of the message that it went into. Nothing here names a workspace,
a channel or a person, so that it may be shown to whoever watches the machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, case, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import CARRIER, COUNTS_AS, OPEN, Attempt, Delivery, DeliveryState, FactKind, counted, is_open
from models.event import IS_WAITING, Event, EventState
from models.workspace import Workspace

RECENT = timedelta(hours=1)
"""Of how long ago the latencies tell."""

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""The upper bounds in seconds by which latencies are counted."""

LIMITED = ("ratelimited", "rate_limited", "http 429")
"""What an attempt was answered where Slack wanted silence."""

ACCOUNTED = (DeliveryState.DELIVERED, DeliveryState.SKIPPED, DeliveryState.FAILED, *OPEN)


@dataclass(frozen=True, kw_only=True)
class EventSums:
    """What came in: events by state, and how often one was sent again."""

    by_state: Mapping[str, int]
    duplicate: int

    @property
    def received(self) -> int:
        """All that came in, whatever its state."""
        return sum(self.by_state.values()) + self.duplicate

    @property
    def is_balanced(self) -> bool:
        """Say whether each of them is applied, duplicate, refused or waiting."""
        return self.received == sum(self.by_state.get(state, 0) for state in EventState) + self.duplicate


@dataclass(frozen=True, kw_only=True)
class DeliverySums:
    """What is owed, by state and reason. A merged row stands under the state of the message that it went into."""

    by_reason: Mapping[tuple[str, str], int]
    """By state, and the reason of what was skipped or failed; the reason of anything else is empty."""
    merged: int

    @property
    def owed(self) -> int:
        """All that was ever owed, whatever became of it."""
        return sum(self.by_reason.values())

    def of(self, *states: DeliveryState) -> int:
        """Count what is in one of these states."""
        return sum(number for (state, _), number in self.by_reason.items() if state in states)

    @property
    def is_balanced(self) -> bool:
        """Say whether each of them is delivered, skipped, failed or open."""
        return self.owed == self.of(*ACCOUNTED)


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """How long something recent took: how many took at most so long (`BUCKETS`), how many there were, and their sum."""

    within: tuple[int, ...]
    count: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What waits: in how many lanes, in the fullest of them, and since when the oldest does."""

    lanes: int
    largest: int
    oldest_open_at: datetime | None
    oldest_waiting_at: datetime | None
    """When the oldest event came that is not applied, and not held for a paused source."""


async def events(session: AsyncSession) -> EventSums:
    """Count all events."""
    query = select(Event.state, func.count(), func.coalesce(func.sum(Event.duplicates), 0)).group_by(Event.state)
    rows = (await session.execute(query)).all()
    return EventSums(
        by_state={state: number for state, number, _ in rows}, duplicate=sum(int(again) for _, _, again in rows)
    )


async def deliveries(session: AsyncSession) -> DeliverySums:
    """Count all deliveries. What was merged into nothing, or into something merged, keeps a state that is none."""
    is_ended = COUNTS_AS.in_((DeliveryState.SKIPPED, DeliveryState.FAILED))
    reason = case((is_ended, func.coalesce(CARRIER.reason, Delivery.reason, "")), else_="")
    merged = func.sum(case((Delivery.state == DeliveryState.COALESCED, 1), else_=0))
    query = counted(COUNTS_AS, reason, func.count(), merged).group_by(COUNTS_AS, reason)
    rows = (await session.execute(query)).all()
    return DeliverySums(
        by_reason={(found, why): number for found, why, number, _ in rows}, merged=sum(int(row[3]) for row in rows)
    )


async def answers(session: AsyncSession) -> dict[str, int]:
    """Count all attempts by what they were answered."""
    rows = await session.execute(select(Attempt.answer, func.count()).group_by(Attempt.answer))
    return dict(rows.all())


async def backlog(session: AsyncSession) -> Backlog:
    """Say what waits."""
    lanes = select(func.count().label("number")).where(is_open()).group_by(Delivery.lane_id).subquery()
    number, largest = (await session.execute(select(func.count(), func.max(lanes.c.number)).select_from(lanes))).one()
    waiting = select(func.min(Event.received_at)).where(IS_WAITING)
    return Backlog(
        lanes=number,
        largest=largest or 0,
        oldest_open_at=await session.scalar(select(func.min(Delivery.created_at)).where(is_open())),
        oldest_waiting_at=await session.scalar(waiting),
    )


async def delivered_after(session: AsyncSession, *, now: datetime) -> Latencies:
    """Say how long it took from a fact until Slack had its message, of what was owed within the last hour."""
    query = select(Delivery.created_at, Delivery.settled_at).where(
        Delivery.workspace_id.in_(select(Workspace.id)),
        Delivery.created_at > now - RECENT,
        Delivery.state == DeliveryState.DELIVERED,
        Delivery.fact_kind != FactKind.EDIT,
    )
    return await _latencies(session, query.subquery())


async def applied_after(session: AsyncSession, *, now: datetime) -> Latencies:
    """Say how long it took from an event's arrival until it was applied, of what came within the last hour."""
    query = select(Event.received_at, Event.applied_at).where(
        Event.workspace_id.in_(select(Workspace.id)),
        Event.received_at > now - RECENT,
        Event.state == EventState.APPLIED,
        ~Event.is_history,
    )
    return await _latencies(session, query.subquery())


async def _latencies(session: AsyncSession, spans: Any) -> Latencies:
    """Count spans, which are pairs of a beginning and an end, by their length. The work stays in the database."""
    took = _seconds(session, *spans.c)
    within = [func.coalesce(func.sum(case((took <= bound, 1), else_=0)), 0) for bound in BUCKETS]
    row = (await session.execute(select(func.count(), func.coalesce(func.sum(took), 0.0), *within))).one()
    return Latencies(count=row[0], seconds=float(row[1]), within=tuple(int(number) for number in row[2:]))


def _seconds(session: AsyncSession, begin: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[float]:
    """Give the seconds between two instants, in the dialect of the session's engine."""
    if session.get_bind().dialect.name == "sqlite":
        return (func.julianday(end) - func.julianday(begin)) * timedelta(days=1).total_seconds()
    return cast(extract("epoch", end - begin), Float)
