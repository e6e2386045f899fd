"""Quiet hours: when a person wants no direct messages, on the clocks of their own zone.

What is owed to them then waits until the hours end, and goes out in its order and at its lane's pace; nothing is lost.
Only what comes to one person waits, never what a channel gets. The ledger says until when, as a reason without a fix.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import case, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit
from models.base import UNSEEN, Base, Id, JsonValue, insert, rows_among
from models.delivery import OPEN, Delivery, DeliveryState, FactKind, is_open
from models.person import Person
from models.recipient import RecipientKind
from models.schedule import WEEKDAYS, Rhythm, Schedule
from models.wish import FieldError

LOOKED_BACK = timedelta(days=2)
"""Hours that last still began within this time, even where a zone leaves out a day."""

_Who = tuple[str, str]
"""A workspace, and the user id of a person there."""


class Quiet(Base):
    """The quiet hours of one person."""

    __tablename__ = "quiet_hours"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    starts: Mapped[time]
    ends: Mapped[time]
    days: Mapped[list[int]] = mapped_column(JsonValue)
    """On which days they begin, from Monday as 0."""
    chosen_at: Mapped[datetime]

    @property
    def hours(self) -> "Hours":
        """Say when they are."""
        return Hours(starts=self.starts, ends=self.ends, days=tuple(self.days))


@dataclass(frozen=True, kw_only=True)
class Hours:
    """From one time of day to another, maybe of the day after, on the days on which they begin."""

    starts: time
    ends: time
    days: tuple[int, ...] = tuple(range(len(WEEKDAYS)))

    def __post_init__(self) -> None:
        """Refuse what can't be; `FieldError` names the field."""
        if self.starts == self.ends:
            raise FieldError("ends", "Choose an end that differs from the beginning.")
        if not self.days or not set(self.days) <= set(range(len(WEEKDAYS))):
            raise FieldError("days", "Choose at least one day.")

    def until(self, now: datetime, *, zone: str) -> datetime | None:
        """Say until when they last; None where it isn't quiet now."""
        begins, ends = (Schedule(rhythm=Rhythm.DAILY, at=at, zone=zone) for at in (self.starts, self.ends))
        for began in begins.runs_between(now - LOOKED_BACK, now):
            end = ends.next_after(began)
            if end > now and began.astimezone(ZoneInfo(zone)).weekday() in self.days:
                return end
        return None


async def get(session: AsyncSession, workspace_id: str, user_id: str) -> Hours | None:
    """Give a person's quiet hours, if they have any."""
    found = await session.get(Quiet, (workspace_id, user_id))
    return None if found is None else found.hours


async def choose(session: AsyncSession, workspace_id: str, user_id: str, hours: Hours, *, now: datetime) -> None:
    """Give a person these quiet hours. Whoever does this hurries their lane, so that what waits is judged anew."""
    values = {"starts": hours.starts, "ends": hours.ends, "days": sorted(set(hours.days)), "chosen_at": now}
    statement = insert(session, Quiet).values(workspace_id=workspace_id, user_id=user_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["workspace_id", "user_id"], set_=values))
    detail = {"from": f"{hours.starts:%H:%M}", "to": f"{hours.ends:%H:%M}", "days": sorted(hours.days)}
    audit.record(session, workspace_id, actor=user_id, action="quiet_hours.chosen", detail=detail, now=now)


async def end(session: AsyncSession, workspace_id: str, user_id: str, *, now: datetime) -> None:
    """Let a person have none any more; what is to be done beside it is the same."""
    theirs = (Quiet.workspace_id == workspace_id, Quiet.user_id == user_id)
    await session.execute(delete(Quiet).where(*theirs))
    audit.record(session, workspace_id, actor=user_id, action="quiet_hours.ended", now=now)


async def put_off(session: AsyncSession, heads: Collection[Delivery], *, now: datetime) -> None:
    """Let what is at the heads of lanes wait where its recipient wants quiet now, with all that is behind it.

    A message that stands already may change: nobody is told of that.
    """
    unsettled = [one for one in heads if one.state in OPEN and one.due_at <= now]
    direct = [one for one in unsettled if one.recipient_kind == RecipientKind.PERSON and not _is_update(one)]
    waits = await _waits(session, {(one.workspace_id, one.target) for one in direct}, now=now)
    for head in direct:
        wait = waits.get((head.workspace_id, head.target))
        if wait is not None:
            behind = (Delivery.lane_id == head.lane_id, Delivery.id != head.id, is_open())
            values = {
                "due_at": wait.until,
                "reason": case((Delivery.fix.is_(None), wait.reason), else_=Delivery.reason),
            }
            await session.execute(update(Delivery).where(*behind).values(values), execution_options=UNSEEN)
            head.due_at, head.reason = wait.until, head.reason if head.fix else wait.reason


def _is_update(owed: Delivery) -> bool:
    """Say whether it changes a message: it waits among all updates of its workspace, and would keep these back."""
    return owed.fact_kind == FactKind.EDIT or owed.edits is not None


async def put_off_new(session: AsyncSession, rows: Iterable[dict[str, Any]], *, now: datetime) -> None:
    """Let what is about to be owed wait in the same way: `rows` are the columns of deliveries."""
    pending = [row for row in rows if row["state"] == DeliveryState.PENDING]
    direct = [row for row in pending if row["recipient_kind"] == RecipientKind.PERSON]
    waits = await _waits(session, {(row["workspace_id"], row["target"]) for row in direct}, now=now)
    for row in direct:
        wait = waits.get((row["workspace_id"], row["target"]))
        if wait is not None:
            row.update(due_at=wait.until, reason=wait.reason)


@dataclass(frozen=True)
class _Wait:
    """Until when somebody wants quiet, and how the ledger says so."""

    until: datetime
    reason: str


async def _waits(session: AsyncSession, people: Collection[_Who], *, now: datetime) -> Mapping[_Who, _Wait]:
    """Give those of these people who want quiet now."""
    if not people:
        return {}
    same = (Person.workspace_id == Quiet.workspace_id) & (Person.user_id == Quiet.user_id)
    key = (Quiet.workspace_id, Quiet.user_id)
    found = await session.execute(select(Quiet, Person).outerjoin(Person, same).where(rows_among(key, people)))
    waits = {}
    for theirs, somebody in found:
        zone = somebody.zone.key if somebody is not None else "UTC"
        until = theirs.hours.until(now, zone=zone)
        if until is not None:
            ends = until.astimezone(ZoneInfo(zone))
            waits[theirs.workspace_id, theirs.user_id] = _Wait(until, f"quiet hours until {ends:%H:%M} in {zone}")
    return waits
