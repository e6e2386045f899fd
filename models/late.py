"""What a recap did not know when it was told: movements that arrived later, those that were restated since, history.

The recap after it tells what arrived late; and as long as somebody may still look at the earlier one, that is corrected
in its place, where Slack lets it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models.base import UNSEEN, Id, UtcDateTime
from models.delivery import RUNRATE, Delivery, DeliveryState, FactKind
from models.given import given
from models.movement import Movement
from models.recap import Recap
from models.schedule import Rhythm
from models.subscription import Restatement

LOOKED_AT: Mapping[Rhythm, timedelta] = {
    Rhythm.DAILY: timedelta(days=7),
    Rhythm.WEEKLY: timedelta(days=31),
    Rhythm.MONTHLY: timedelta(days=35),
}
"""For how long a recap is corrected: a week of days, a month of weeks, and the last month."""


@dataclass(frozen=True, kw_only=True)
class Late:
    """Movements that arrived when the recap of their own time had been told. `nets` are by currency, in minor units."""

    count: int
    nets: Mapping[str, int]
    is_just_before: bool = False
    """Whether all are of the period right before."""
    is_corrected: bool = False
    """Whether every recap that they belong to says so by now."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What changed a recap's sums since it was told, and when that was known last."""

    at: datetime
    late: Late | None = None
    restated: Late | None = None
    """Movements that are not what they were; what that changes."""
    has_history: bool = False
    """Whether history came in."""


async def arrived(session: AsyncSession, workspace_id: str, recap: Recap, *, before: Recap, target: str) -> Late | None:
    """Sum up what arrived between the making of two recaps of a destination, and is of the first one's time or older.

    Each late movement is so told by one of the destination's recaps. What came as history never is late. `target` is
    to whom it is told, and by whose copies of the earlier recaps it is said whether they were corrected.
    """
    theirs = (
        Movement.workspace_id == workspace_id,
        Movement.recorded_at >= before.created_at,
        Movement.recorded_at < recap.created_at,
        Movement.occurred_at < before.ends_at,
        ~Movement.is_history,
    )
    count, oldest = func.count(), func.min(Movement.occurred_at)
    query = select(Movement.currency, count, func.sum(Movement.amount_minor), oldest).where(*theirs)
    rows = (await session.execute(query.group_by(Movement.currency).order_by(count.desc(), Movement.currency))).all()
    if not rows:
        return None
    number = sum(row[1] for row in rows)
    corrected = await session.scalar(select(func.count()).where(*theirs, _is_told(before.destination_id, target)))
    return Late(
        count=number,
        nets={row[0]: int(row[2]) for row in rows},
        is_just_before=before.ends_at == recap.starts_at and min(row[3] for row in rows) >= before.starts_at,
        is_corrected=corrected == number,
    )


def _is_told(destination_id: str, target: str) -> ColumnElement[bool]:
    """Say in SQL whether the recap of a movement's time tells of it, as it stands in Slack."""
    posted, edited = aliased(Delivery), aliased(Delivery)
    return exists().where(
        Recap.destination_id == destination_id,
        Recap.starts_at <= Movement.occurred_at,
        Recap.ends_at > Movement.occurred_at,
        posted.asked_by == Recap.destination_id,
        posted.fact_kind == FactKind.RECAP,
        posted.fact_id == Recap.id,
        posted.target == target,
        posted.message_end.is_(None),
        edited.asked_by == RUNRATE,
        edited.fact_kind == FactKind.EDIT,
        edited.fact_id == posted.id,
        edited.target == target,
        edited.state == DeliveryState.DELIVERED,
        edited.send_started_at >= Movement.recorded_at,
    )


async def correction(session: AsyncSession, workspace_id: str, recap: Recap, *, told_at: datetime) -> Correction | None:
    """Say what changed a recap's sums since it was told; None where nothing did."""
    late = select(
        Movement.currency, func.count(), func.sum(Movement.amount_minor), func.max(Movement.recorded_at)
    ).where(
        Movement.workspace_id == workspace_id,
        Movement.recorded_at >= told_at,
        Movement.occurred_at < recap.ends_at,
        ~Movement.is_history,
    )
    change = func.coalesce(Restatement.amount_minor, 0) - Restatement.amount_before_minor
    restated = select(Restatement.currency, func.count(), func.sum(change), func.max(Restatement.restated_at)).where(
        Restatement.workspace_id == workspace_id,
        Restatement.restated_at >= told_at,
        Restatement.occurred_at < recap.ends_at,
    )
    arrivals = (await session.execute(late.group_by(Movement.currency).order_by(Movement.currency))).all()
    changes = (await session.execute(restated.group_by(Restatement.currency).order_by(Restatement.currency))).all()
    history = [recap.history_at] if recap.history_at is not None and recap.history_at >= told_at else []
    times = [*(row[3] for row in (*arrivals, *changes)), *history]
    if not times:
        return None
    return Correction(at=max(times), late=_summed(arrivals), restated=_summed(changes), has_history=bool(history))


def _summed(rows: Iterable[Any]) -> Late | None:
    found = list(rows)
    nets = {row[0]: int(row[2]) for row in found}
    return Late(count=sum(row[1] for row in found), nets=nets) if found else None


_IS_LOOKED_AT = or_(
    *(and_(Recap.frequency == rhythm, Recap.created_at > bindparam(rhythm.value)) for rhythm in LOOKED_AT)
)


def _recently(now: datetime) -> dict[str, datetime]:
    """Give the parameters of that."""
    return {rhythm.value: now - looked_at for rhythm, looked_at in LOOKED_AT.items()}


def _outdated() -> Select[str, str]:
    since = given(workspace_id=Id, at=UtcDateTime())
    tells = (
        Delivery.asked_by == Recap.destination_id,
        Delivery.fact_kind == FactKind.RECAP,
        Delivery.fact_id == Recap.id,
    )
    return (
        select(Recap.workspace_id, Delivery.id)
        .join(since, and_(Recap.workspace_id == since.c.workspace_id, Recap.ends_at > since.c.at))
        .join(Delivery, and_(*tells))
        .where(_IS_LOOKED_AT)
    )


# Put together once: it is asked whenever movements arrive.
OUTDATED = _outdated()


async def outdated(session: AsyncSession, changed: Mapping[str, datetime], *, now: datetime) -> dict[str, list[str]]:
    """List, by workspace, what recaps told whose sums are others since something changed at an instant in the past.

    These are deliveries, of recaps that people may still look at. Of what happened just now there are none.
    """
    if not changed:
        return {}
    found: dict[str, list[str]] = {}
    for workspace_id, delivery_id in await session.execute(OUTDATED, {"rows": list(changed.items()), **_recently(now)}):
        found.setdefault(workspace_id, []).append(delivery_id)
    return found


async def note_history(
    session: AsyncSession, workspace_id: str, *, since: datetime, at: datetime, now: datetime
) -> None:
    """Note of recaps that people may still look at that history came, of a time from an instant on."""
    theirs = (Recap.workspace_id == workspace_id, Recap.ends_at > since, _IS_LOOKED_AT)
    noting = update(Recap).where(*theirs).values(history_at=at)
    await session.execute(noting, _recently(now), execution_options=UNSEEN)
